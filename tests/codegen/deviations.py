"""For tests of the comparison: the stand-in with one deliberate change each, and where and as what it is to be found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

STAND_IN = Path(__file__).with_name("node_stand_in")
STALE = "stale"
"""What is to be found is that a wanted difference is gone."""


@dataclass(frozen=True)
class Deviation:
    """In a file of the stand-in, one text for another."""

    where: str
    what: str
    old: str
    new: str
    file: str = "index.js"

    def __str__(self) -> str:
        return f"{self.where} {self.what}: {self.new.strip()[:40]}"


# fmt: off
HEADERS = [
    Deviation("wallet.credit", "header x-trace", 'accept: "application/json", "x-kraty-sdk": SDK', 'accept: "application/json", "x-kraty-sdk": SDK, "x-trace": "1"'),
    Deviation("players.get", "header accept", 'accept: "application/json", "x-kraty-sdk": SDK', '"x-kraty-sdk": SDK'),
    Deviation("players.get", "header x-kraty-sdk", 'accept: "application/json", "x-kraty-sdk": SDK', 'accept: "application/json"'),
    Deviation("players.get", "header x-kraty-sdk", 'const SDK = "@kraty/server-sdk/0.0.0"', 'const SDK = "@kraty/server-sdk 0.0.0"'),
    Deviation("players.get", "header x-kraty-sdk", 'const SDK = "@kraty/server-sdk/0.0.0"', 'const SDK = "server-sdk/0.0.0"'),
    Deviation("players.get", "header x-kraty-sdk", 'const SDK = "@kraty/server-sdk/0.0.0"', 'const SDK = "@kraty/server-sdk/0"'),
    Deviation("players.get", "header user-agent", 'accept: "application/json", "x-kraty-sdk": SDK', 'accept: "application/json", "x-kraty-sdk": SDK, "user-agent": SDK'),
    Deviation("players.get", "header authorization", "`Bearer ${apiKey}`", "`Token ${apiKey}`"),
    Deviation("players.get", "header content-type", "...(body !== undefined && {", "...({"),
    Deviation("retry/503-then-ok", "header x-retry", "const last =", 'if (attempt > 1) this.headers["x-retry"] = "1"; const last ='),
    Deviation("retry/503-then-ok", "header accept", "const last =", "if (attempt > 1) delete this.headers.accept; const last ="),
]
"""One header more, one less, another form, or only sometimes."""

STATUSES = [
    Deviation("status/408", "attempts", "[408, 425, 429, 500, 502, 503, 504]", "[425, 429, 500, 502, 503, 504]"),
    Deviation("status/409", "attempts", "[408, 425, 429, 500, 502, 503, 504]", "[409, 408, 425, 429, 500, 502, 503, 504]"),
    Deviation("status/520", "attempts", "[408, 425, 429, 500, 502, 503, 504]", "[520, 408, 425, 429, 500, 502, 503, 504]"),
    Deviation("status/599", "attempts", "!RETRIED.includes(status)", "status < 500 && !RETRIED.includes(status)"),
    Deviation("status/300", "attempts", "[408, 425, 429, 500, 502, 503, 504]", "[300, 408, 425, 429, 500, 502, 503, 504]"),
    Deviation("status/201", "outcome", "if (ok) return", "if (status === 200) return"),
]
"""Which statuses are tried again, and which are success."""

DELAYS = [
    Deviation("delay/growth", "sleeps", "2 ** (attempt - 1)", "3 ** (attempt - 1)"),
    Deviation("delay/growth", "sleeps", "2 ** (attempt - 1)", "2 ** attempt"),
    Deviation("delay/growth", "sleeps", "2 ** (attempt - 1)", "attempt"),
    Deviation("delay/cap", "sleeps", "Math.min(initialDelayMs * 2 ** (attempt - 1), maxDelayMs)", "initialDelayMs * 2 ** (attempt - 1)"),
    Deviation("delay/jitter-least", "sleeps", "(Math.random() * 2 - 1)", "Math.random()"),
    Deviation("delay/jitter-most", "sleeps", "(Math.random() * 2 - 1)", "-Math.random()"),
    Deviation("delay/jitter-quarter", "sleeps", "(Math.random() * 2 - 1)", "Math.sign(Math.random() * 2 - 1)"),
    Deviation("delay/jitter-at-the-cap", STALE, "Math.min(initialDelayMs * 2 ** (attempt - 1), maxDelayMs)", "Math.min(initialDelayMs * 2 ** (attempt - 1), maxDelayMs); if (attempt > 1) return maxDelayMs"),
    Deviation("delay/lost", "sleeps", "await pause(this.delay(attempt, null));", ""),
    Deviation("delay/lost", "sleeps", "await pause(this.delay(attempt, null))", "await pause(0)"),
]
"""How long is waited before the next attempt."""

RETRY_AFTER = [
    Deviation("retry-after/429", "sleeps", "Number(asked) * 1000", "Number(asked)"),
    Deviation("retry-after/503", "sleeps", "if (asked && Number(asked) >= 0) return Math.min(Number(asked) * 1000, maxDelayMs);", ""),
    Deviation("retry-after/zero", STALE, "Number(asked) >= 0", "Number(asked) > 0"),
    Deviation("retry-after/part", "sleeps", "Number(asked) * 1000", "parseInt(asked) * 1000"),
    Deviation("retry-after/cap", "sleeps", "Math.min(Number(asked) * 1000, maxDelayMs)", "Number(asked) * 500"),
    Deviation("retry-after/cap", STALE, "Math.min(Number(asked) * 1000, maxDelayMs)", "Number(asked) * 1000"),
    Deviation("retry-after/less", "sleeps", "Number(asked) >= 0", "!Number.isNaN(Number(asked))"),
    Deviation("retry-after/text", "sleeps", "asked && Number(asked) >= 0", "asked"),
    Deviation("retry-after/date", "sleeps", "asked && Number(asked) >= 0", "asked && (Number(asked) >= 0 || Date.parse(asked))"),
    Deviation("retry-after/500", STALE, 'response.headers.get("retry-after")', 'status !== 500 && response.headers.get("retry-after")'),
]
"""How long is waited where the server says it."""

OPTIONS = [
    Deviation("default/retry", "attempts", "attempts: 4", "attempts: 3"),
    Deviation("default/retry", "sleeps", "initialDelayMs: 200", "initialDelayMs: 250"),
    Deviation("default/cap", "sleeps", "maxDelayMs: 10000", "maxDelayMs: 5000"),
    Deviation("default/jitter", "sleeps", "jitter: 0.2", "jitter: 0.1"),
    Deviation("default/retry", "timeouts", "timeoutMs ?? 15000", "timeoutMs ?? 30000"),
    Deviation("default/base-url", "header host", "https://api.kraty.io", "https://api.kraty.app"),
    Deviation("default/base-url", "telemetry", "https://api.kraty.io", "http://api.kraty.io"),
    Deviation("default/generator", "request 1 body", "crypto.randomUUID()", '"key-1"'),
    Deviation("default/generator", "request 2 body", "const last =", "if (!this.given && attempt > 1 && body) body.idempotencyKey = crypto.randomUUID(); const last ="),
    Deviation("default/cap", "sleeps", "{ ...RETRY, ...retry }", "retry ?? RETRY"),
    Deviation("option/timeout", "timeouts", "timeoutMs ?? 15000", "15000"),
    Deviation("option/base-url-path", "request 1 target", "const url = this.base + path", "const url = new URL(path, this.base).href"),
    Deviation("base-url/trailing-slash", "request 1 target", '.replace(/\\/$/, "")', ""),
    Deviation("option/base-url-two-slashes", STALE, '.replace(/\\/$/, "")', '.replace(/\\/+$/, "")'),
    Deviation("option/hook-raises", STALE, "this.onRequest?.(", "((info) => { try { this.onRequest?.(info) } catch {} })("),
    Deviation("option/timeout", "timeouts", "setTimeout(() => stop.abort(), this.timeoutMs)", "setTimeout(() => stop.abort(), this.timeoutMs * 2)"),
]
"""What options are where they are not given, and whether they are heeded."""

REDIRECTS_AND_LIMITS = [
    Deviation("redirect/302-post", "attempts", "signal: stop.signal", 'signal: stop.signal, redirect: "error"'),
    Deviation("redirect/307-get", STALE, "signal: stop.signal", 'signal: stop.signal, redirect: "manual"'),
    Deviation("hang/head", "outcome", "setTimeout(() => stop.abort(), this.timeoutMs)", "0"),
    Deviation("hang/body", STALE, "clearTimeout(limit);", ""),
    Deviation("hang/head", "error text", "KratyNetworkError(error.message, error)", "KratyNetworkError(error.name, error)"),
]
"""Redirects, and answers that do not come."""

REQUESTS = [
    Deviation("escape/wallet.credit/2", "request 1 target", "const id = encodeURIComponent", "const id = encodeURI"),
    Deviation("request/query", "request 1 target", "this.base + path", 'this.base + path.split("?")[0]'),
    Deviation("request/PATCH", "request 1 body", '"PUT", "PATCH"]', '"PUT"]'),
    Deviation("request/PUT/body", "request 1 body", '"PUT", "PATCH"]', '"PATCH"]'),
    Deviation("request/DELETE", "request 1 body", '"PATCH"]', '"PATCH", "DELETE"]'),
    Deviation("request/DELETE/body", "generated keys", '"PATCH"]', '"PATCH", "DELETE"]'),
    Deviation("request/lower-case", "request 1 method", "named.toUpperCase()", "named"),
    Deviation("request/own-key", "generated keys", "body?.idempotencyKey || this.newKey()", "this.newKey()"),
    Deviation("players.unban", "request 1 body", "body = { ...body, idempotencyKey: key }", "body &&= { ...body, idempotencyKey: key }"),
    Deviation("players.ban", "request 1 body", "`${player(p)}/ban`, input", "`${player(p)}/ban`, { ...input, by: 1 }"),
    Deviation("players.setIdentity/name", "request 1 method", 'request("PUT"', 'request("POST"'),
    Deviation("leaderboards.submitScore/all", "request 1 target", "/leaderboards/${id(key)}/score", "/boards/${id(key)}/score"),
    Deviation("answer/long-request", "request 1 body", "body && JSON.stringify(body)", "body && JSON.stringify(body).slice(0, 65536)"),
]
"""Paths, keys and bodies."""

ANSWERS = [
    Deviation("players.get", "returned", "get(p) { return read(this, player(p)); }", "get(p) { return read(this, player(p)).then(() => null); }"),
    Deviation("players.get", "returned", "get(p) { return read(this, player(p)); }", 'get(p) { return this.client.request("GET", player(p)); }'),
    Deviation("players.unban", "returned", "return JSON.parse(text);\n    } catch {\n      throw", 'return JSON.parse(text, (n, v) => (n === "unbannedAt" ? new Date(v) : v));\n    } catch {\n      throw'),
    Deviation("wallet.credit", "returned", "return JSON.parse(text);\n    } catch {\n      throw", "return JSON.parse(text, (n, v) => (n === 'balance' ? BigInt(v) : v));\n    } catch {\n      throw"),
    Deviation("wallet.credit", "returned", "return JSON.parse(text);\n    } catch {\n      throw", "return JSON.parse(text, (n, v) => (n === 'data' ? Object.assign(new Map(), v) : v));\n    } catch {\n      throw"),
    Deviation("players.setIdentity/name", "returned", ".data.syntheticIdentity", ".data.syntheticIdentity.name"),
    Deviation("players.setIdentity/name", STALE, ".data.syntheticIdentity", ".data"),
    Deviation("answer/players.setIdentity/newer", "returned", ".data.syntheticIdentity", ".data.displayIdentity"),
    Deviation("players.blocks", "returned", ".blocked;", ".blocked.length;"),
    Deviation("answer/players.friends/data-empty", "outcome", ".friends;", ".friends ?? [];"),
    Deviation("answer/health.ping/204", "outcome", "if (!text) return undefined", "if (!text) return {}"),
    Deviation("answer/health.ping/empty", STALE, "if (!text) return undefined", "if (status === 204) return undefined"),
    Deviation("answer/health.ping/error", "outcome", "return JSON.parse(text);\n    } catch {\n      throw", "const read = JSON.parse(text); if (read.error) return null; return read;\n    } catch {\n      throw"),
    Deviation("answer/long", "outcome", "if (!text) return", "text = text.slice(0, 65536); if (!text) return"),
    Deviation("answer/long-not-json", "error text", "text.slice(0, 200)", "text.slice(0, 100)"),
]
"""What is returned, whatever comes."""

TELEMETRY = [
    Deviation("wallet.credit", "telemetry", "idempotencyKey: key, durationMs", "idempotencyKey: null, durationMs"),
    Deviation("wallet.credit", "telemetry durationMs", "durationMs: Date.now() - start, ", ""),
    Deviation("wallet.credit", "telemetry durationMs", "durationMs: Date.now() - start", "durationMs: String(Date.now() - start)"),
    Deviation("wallet.credit", "telemetry retried", "durationMs:", "retried: false, durationMs:"),
    Deviation("wallet.credit", "telemetry requestId", "durationMs:", 'requestId: "r", durationMs:'),
    Deviation("retry/drop-then-ok", "telemetry", "tell({ ok: false })", "tell({})"),
    Deviation("retry/503-then-ok", "told attempts", "tell({ status, ok });", "if (ok || last) tell({ status, ok });"),
]
"""What the hook is told."""

ERRORS = [
    Deviation("error/no-envelope", "error text", "without an error envelope", "that is odd"),
    Deviation("error/200-not-json", "error text", "was not valid JSON", "is no JSON"),
    Deviation("envelope/text", "error text", "JSON.parse(text)?.error;", 'JSON.parse(text)?.error; if (error === "text") error = { code: "odd" };'),
    Deviation("envelope/no-code", "error code", "const { code, message, details }", 'const { code = "?", message, details }'),
    Deviation("error/not_found-404", "error details", "KratyServerError(status, code, message, details)", "KratyServerError(status, code, message)"),
    Deviation("error/not_found-404", "error text", "`[${status}] ${code}: ${message}`", "`${code}: ${message}`"),
    Deviation("getter/conflict", "error getters", 'return this.is("conflict")', 'return this.is("idempotency_conflict")'),
    Deviation("getter/idempotency_conflict", "error getters", 'return this.is("conflict")', "return this.status === 400"),
    Deviation("getter/not_found", "error is", "return this.code === code", "return this.message === code"),
    Deviation("retry/drop-exhausted", "error text", "KratyNetworkError(error.message, error)", 'KratyNetworkError("no answer", error)'),
    Deviation("retry/drop-exhausted", "error cause", "KratyNetworkError(error.message, error)", "KratyNetworkError(error.message)"),
    Deviation("retry/drop-exhausted", "outcome", "new KratyNetworkError(error.message, error)", "error"),
    Deviation("retry/drop-exhausted", "attempts", "if (last) throw new", "throw new"),
]
"""What errors say."""

REFUSED = [
    Deviation("events.progress/alias", "outcome", "progress(p, event", "progresses(p, event"),
    Deviation("refused/empty-key", "attempts", "const method =", 'if (body?.idempotencyKey === "") for (const n of [1, 2]) await this.once(named, this.base + path, body); const method ='),
    Deviation("refused/player-dots", "attempts", "const url = this.base + path", 'const url = this.base + path.replace("..", "%252E")'),
]
"""What this SDK does not send, and other odds."""

WEBHOOKS = [
    Deviation("webhook/live/-320", "verdict", "toleranceSeconds = 300", "toleranceSeconds = 600"),
    Deviation("webhook/live/-270", "verdict", "toleranceSeconds = 300", "toleranceSeconds = 60"),
    Deviation("webhook/live/+90", "verdict", "age < -60", "age < -300"),
    Deviation("webhook/live/+30", "verdict", "age < -60", "age < 0"),
    Deviation("webhook/live/-270", "verdict", "now = new Date()", "now = new Date(0)"),
    Deviation("webhook/valid", "verdict", '"sha256"', '"sha512"'),
    Deviation("webhook/valid", "verdict", "update(rawBody)", "update(String(rawBody))"),
    Deviation("webhook/valid", "verdict", "timingSafeEqual(given, expected);", "+timingSafeEqual(given, expected);"),
    Deviation("webhook/strict/t-exponent", STALE, "const t = Number(said.t)", "const t = parseInt(said.t)"),
    Deviation("webhook/secret/empty", STALE, "const said = {};", "if (!secret) throw new ValueError(); const said = {};"),
    Deviation("webhook/valid", "verdict", "export function verifyWebhook", "function verifyWebhook"),
]
"""Which deliveries are genuine."""

IN_JAVASCRIPT = [
    Deviation("exports", "KratyNetworkError", "export class KratyNetworkError", "class KratyNetworkError"),
    Deviation("exports", "signWebhook", "export function verify", "export function signWebhook() {}\nexport function verify"),
    Deviation("exports", "verifyWebhook", "export function verifyWebhook", "export class verifyWebhook {}\nfunction other"),
    Deviation("exports", STALE, "export class EventsClient", "class EventsClient"),
    Deviation("wallet", "member transfer", "  credit(p, key", "  transfer() {}\n  credit(p, key"),
    Deviation("players", "member unban", "  unban(p)", "  pardon(p)"),
    Deviation("players", "member pardon", "  unban(p)", "  pardon(p)"),
    Deviation("KratyServer", "member close", "    this.grants =", "    this.close = () => {};\n    this.grants ="),
    Deviation("KratyServer", "member migrate", "    this.migrate = new MigrateClient(this.client);\n", ""),
    Deviation("KratyServerError", "member isTeapot", "  is(code)", "  get isTeapot() { return false; }\n  is(code)"),
    Deviation("KratyServerClient", "member stream", "  async once(", "  stream() {}\n  async once("),
]
"""What Node sees of a package."""

DECLARED = [
    Deviation("players.ban", "method", "  ban(", "  suspend(", "resources.d.ts"),
    Deviation("players.suspend", "method", "  ban(", "  suspend(p: string): Promise<void>;\n  ban(", "resources.d.ts"),
    Deviation("client", "option timeout", "  timeoutMs?: number;", "", "client.d.ts"),
    Deviation("client", "option proxy", "  timeoutMs?: number;", "  timeoutMs?: number;\n  proxy?: string;", "client.d.ts"),
    Deviation("retry", "option jitter", "  jitter: number;", "", "client.d.ts"),
    Deviation("telemetry", "duration", "  durationMs?: number;", "", "client.d.ts"),
    Deviation("error", "isForbidden", "  get isForbidden(): boolean;", "", "errors.d.ts"),
    Deviation("error", "isTeapot", "  get isForbidden(", "  get isTeapot(): boolean;\n  get isForbidden(", "errors.d.ts"),
    Deviation("network error", "originalCause", "  readonly originalCause?: unknown;\n", "", "errors.d.ts"),
    Deviation("client.request", "argument 4", "body?: unknown)", "body?: unknown, query?: string)", "client.d.ts"),
    Deviation("client.stream", "method", "  request<T>", "  stream(): void;\n  request<T>", "client.d.ts"),
    Deviation("grants.ack", "argument 2", "ack(externalPlayerId: string, grantId: string,", "ack(grantId: string,", "resources.d.ts"),
    Deviation("health.ping", "method", "readonly health:", "readonly wellness:", "index.d.ts"),
    Deviation("leaderboards.submitScore", "option segment", "  segment?: string;", "", "types.d.ts"),
    Deviation("grants.create", "option entries.note", "interface CurrencyEntry {", "interface CurrencyEntry {\n  note?: string;", "types.d.ts"),
    Deviation("players.get", "result inventory.rarity", "interface InventoryItem {", "interface InventoryItem {\n  rarity: string;", "types.d.ts"),
    Deviation("migrate.wallet", "argument 1.when", "interface MigrateWalletRow {", "interface MigrateWalletRow {\n  when?: string;", "types.d.ts"),
    Deviation("verifyWebhook", "option clock", "  now?: Date;", "  now?: Date;\n  clock?: string;", "webhook.d.ts"),
    Deviation("players.setIdentity", "result country", "interface SyntheticIdentity {", "interface SyntheticIdentity {\n  country: string;", "types.d.ts"),
]
"""What is there, as it is declared."""

TYPES = [
    Deviation("lobbies.push", "option capacity", "  capacity?: number;", "  capacity: number;", "types.d.ts"),
    Deviation("players.ban", "option reason", "BanInput {\n  reason: string;", "BanInput {\n  reason?: string;", "types.d.ts"),
    Deviation("wallet.credit", "option amount", "CreditInput {\n  amount: number;", "CreditInput {\n  amount: string;", "types.d.ts"),
    Deviation("wallet.credit", "result applied", "balance: number;\n  applied: boolean;", "balance: number;\n  applied?: boolean;", "types.d.ts"),
    Deviation("leaderboards.submitScore", "result rank", "  rank: number | null;", "  rank: number;", "types.d.ts"),
    Deviation("leaderboards.submitScore", "argument 3", "value: number,", "value: string,", "resources.d.ts"),
    Deviation("grants.ack", "result status", '"pending" | "claimed" | "expired"', '"pending" | "claimed"', "types.d.ts"),
    Deviation("grants.create", "option kind", '"reward" | "crate"', '"reward" | "crate" | "bundle"', "types.d.ts"),
    Deviation("players.friends", "result", "Promise<Friend[]>", "Promise<Friend>", "resources.d.ts"),
    Deviation("events.reportProgress", "option metrics", "  metrics?: Record<string, number>;", "  metrics?: Record<string, string>;", "types.d.ts"),
    Deviation("lobbies.push", "option externalPlayerIds", "externalPlayerIds: string[]", "externalPlayerIds: number[]", "types.d.ts"),
    Deviation("client", "option timeout", "  timeoutMs?: number;", "  timeoutMs: number;", "client.d.ts"),
    Deviation("retry", "option jitter", "  retry?: Partial<RetryConfig>;", "  retry?: RetryConfig;", "client.d.ts"),
    Deviation("error", "status", "  readonly status: number;", "  readonly status: string;", "errors.d.ts"),
    Deviation("verifyWebhook", "option secret", "  secret: string;", "  secret?: string;", "webhook.d.ts"),
    Deviation("client", STALE, "  apiKey: string;", "  apiKey?: string;", "client.d.ts"),
]
"""Whether it must be there, and of which type."""

# fmt: on


def _unescaped() -> list[Deviation]:
    """Each path parameter of each method, not escaped."""
    found: dict[Deviation, None] = {}
    for line in (STAND_IN / "dist" / "index.js").read_text("utf-8").splitlines():
        for one in re.finditer(r"\$\{id\((\w+)\)\}", line):
            up_to = line[: one.end()].lstrip()
            bare = up_to.removesuffix(one[0]) + f"${{{one[1]}}}"
            found[Deviation("escape", "request 1 target", up_to, bare)] = None
    return list(found)


ALL = [
    *HEADERS,
    *STATUSES,
    *DELAYS,
    *RETRY_AFTER,
    *OPTIONS,
    *REDIRECTS_AND_LIMITS,
    *REQUESTS,
    *ANSWERS,
    *TELEMETRY,
    *ERRORS,
    *REFUSED,
    *WEBHOOKS,
    *IN_JAVASCRIPT,
    *DECLARED,
    *TYPES,
    *_unescaped(),
]
