// A stand-in for the Node SDK, written for the tests of the comparison: it does what is known of the real one, and no
// more. In its forms, too: classes on a client, members that only the declarations call private.
import { createHmac, timingSafeEqual } from "node:crypto";

const SDK = "@kraty/server-sdk/0.0.0";
const RETRIED = [408, 425, 429, 500, 502, 503, 504];
const KEYED = ["POST", "PUT", "PATCH"];
const RETRY = { attempts: 4, initialDelayMs: 200, maxDelayMs: 10000, jitter: 0.2 };

export class KratyServerError extends Error {
  constructor(status, code, message, details) {
    super(`[${status}] ${code}: ${message}`);
    Object.assign(this, { name: "KratyServerError", status, code, details });
  }
  is(code) { return this.code === code; }
  get isUnauthenticated() { return this.is("unauthenticated"); }
  get isSessionInvalid() { return this.is("session_invalid"); }
  get isForbidden() { return this.is("forbidden"); }
  get isNotFound() { return this.is("not_found"); }
  get isValidationFailed() { return this.is("validation_failed"); }
  get isConflict() { return this.is("conflict"); }
  get isRateLimited() { return this.is("rate_limited"); }
  get isInternalError() { return this.is("internal_error"); }
  get isTenantMismatch() { return this.is("tenant_mismatch"); }
  get isIdempotencyConflict() { return this.is("idempotency_conflict"); }
  get isEventDisabled() { return this.is("event_disabled"); }
  get isInvalidMetric() { return this.is("invalid_metric"); }
}
export class KratyNetworkError extends Error {
  constructor(message, cause) {
    super(message);
    Object.assign(this, { name: "KratyNetworkError", originalCause: cause });
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class KratyServerClient {
  constructor({ apiKey, baseUrl, timeoutMs, retry, fetch, generateIdempotencyKey, onRequest }) {
    this.base = (baseUrl ?? "https://api.kraty.io").replace(/\/$/, "");
    this.timeoutMs = timeoutMs ?? 15000;
    this.retry = { ...RETRY, ...retry };
    this.send = fetch ?? globalThis.fetch;
    this.headers = { authorization: `Bearer ${apiKey}`, accept: "application/json", "x-kraty-sdk": SDK };
    this.newKey = generateIdempotencyKey ?? (() => crypto.randomUUID());
    this.onRequest = onRequest;
  }

  async request(named, path, body) {
    const method = named.toUpperCase();
    const url = this.base + path;
    let key = null;
    if (KEYED.includes(method)) {
      key = body?.idempotencyKey || this.newKey();
      if (body?.idempotencyKey === undefined) body = { ...body, idempotencyKey: key };
    }
    for (let attempt = 1; ; attempt++) {
      const start = Date.now();
      const tell = (of) => this.onRequest?.({ method, url, attempt, idempotencyKey: key, durationMs: Date.now() - start, ...of });
      const last = attempt >= this.retry.attempts;
      try {
        const response = await this.once(method, url, body);
        const { status, ok } = response;
        tell({ status, ok });
        const text = await response.text();
        if (ok) return this.read(status, text);
        if (!RETRIED.includes(status) || last) throw this.refused(status, text);
        await pause(this.delay(attempt, response.headers.get("retry-after")));
      } catch (error) {
        if (error instanceof KratyServerError) throw error;
        tell({ ok: false });
        if (last) throw new KratyNetworkError(error.message, error);
        await pause(this.delay(attempt, null));
      }
    }
  }

  async once(method, url, body) {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), this.timeoutMs);
    const headers = { ...this.headers, ...(body !== undefined && { "content-type": "application/json" }) };
    try {
      return await this.send.call(globalThis, url, { method, headers, body: body && JSON.stringify(body), signal: stop.signal });
    } finally {
      clearTimeout(limit);
    }
  }

  delay(attempt, asked) {
    const { initialDelayMs, maxDelayMs, jitter } = this.retry;
    if (asked && Number(asked) >= 0) return Math.min(Number(asked) * 1000, maxDelayMs);
    const grown = Math.min(initialDelayMs * 2 ** (attempt - 1), maxDelayMs);
    return Math.max(0, grown * (1 + (Math.random() * 2 - 1) * jitter));
  }

  read(status, text) {
    if (!text) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw new KratyServerError(status, "internal_error", `response body was not valid JSON: ${text.slice(0, 200)}`);
    }
  }

  refused(status, text) {
    let error;
    try {
      error = JSON.parse(text)?.error;
    } catch {}
    const { code, message, details } = error || {
      code: "internal_error",
      message: `non-2xx response without an error envelope (status=${status})`,
    };
    return new KratyServerError(status, code, message, details);
  }
}

const id = encodeURIComponent;
const player = (p) => `/server/v1/players/${id(p)}`;

class Nouns {
  constructor(client) { this.client = client; }
}
const read = async (noun, path) => (await noun.client.request("GET", path)).data;
const post = async (noun, path, body) => (await noun.client.request("POST", path, body)).data;

export class GrantsClient extends Nouns {
  create(p, input) { return post(this, `${player(p)}/grants`, input); }
  ack(p, grant, input = {}) { return post(this, `${player(p)}/grants/${id(grant)}/ack`, input); }
}
export class InventoryClient extends Nouns {
  grant(p, item, input) { return post(this, `${player(p)}/inventory/${id(item)}/grant`, input); }
  revoke(p, item, input) { return post(this, `${player(p)}/inventory/${id(item)}/revoke`, input); }
}
export class WalletClient extends Nouns {
  credit(p, key, input) { return post(this, `${player(p)}/wallet/${id(key)}/credit`, input); }
  debit(p, key, input) { return post(this, `${player(p)}/wallet/${id(key)}/debit`, input); }
}
export class LobbiesClient extends Nouns {
  push(game, event, input) { return post(this, `/server/v1/games/${id(game)}/events/${id(event)}/lobbies`, input); }
  read(game, lobby) { return read(this, `/server/v1/games/${id(game)}/lobbies/${id(lobby)}`); }
}
export class LeaderboardsClient extends Nouns {
  submitScore(p, key, value, input = {}) {
    return post(this, `/server/v1/leaderboards/${id(key)}/score`, { externalPlayerId: p, value, ...input });
  }
}
export class EventsClient extends Nouns {
  reportProgress(p, event, attempt, input) {
    return post(this, `${player(p)}/events/${id(event)}/attempts/${id(attempt)}/progress`, input);
  }
  progress(p, event, attempt, input) { return this.reportProgress(p, event, attempt, input); }
  finish(p, event, attempt) { return post(this, `${player(p)}/events/${id(event)}/attempts/${id(attempt)}/finish`); }
}
export class PlayersClient extends Nouns {
  get(p) { return read(this, player(p)); }
  async setIdentity(p, input) {
    return (await this.client.request("PUT", `${player(p)}/identity`, input)).data.syntheticIdentity;
  }
  delete(p, input = {}) { return post(this, `${player(p)}/delete`, input); }
  export(p) { return read(this, `${player(p)}/export`); }
  ban(p, input) { return post(this, `${player(p)}/ban`, input); }
  unban(p) { return post(this, `${player(p)}/unban`); }
  merge(from, to) { return post(this, `${player(from)}/merge-into/${id(to)}`); }
  async friends(p) { return (await read(this, `${player(p)}/friends`)).friends; }
  friendRequests(p) { return read(this, `${player(p)}/friends/requests`); }
  async blocks(p) { return (await read(this, `${player(p)}/blocks`)).blocked; }
}
export class HealthClient extends Nouns {
  ping() { return this.client.request("GET", "/server/v1/ping"); }
}
export class MigrateClient extends Nouns {
  players(rows) { return post(this, "/server/v1/migrate/players", { rows }); }
  wallet(rows) { return post(this, "/server/v1/migrate/wallet", { rows }); }
  inventory(rows) { return post(this, "/server/v1/migrate/inventory", { rows }); }
}

export class KratyServer {
  constructor(options) {
    this.client = new KratyServerClient(options);
    this.grants = new GrantsClient(this.client);
    this.inventory = new InventoryClient(this.client);
    this.wallet = new WalletClient(this.client);
    this.lobbies = new LobbiesClient(this.client);
    this.leaderboards = new LeaderboardsClient(this.client);
    this.events = new EventsClient(this.client);
    this.players = new PlayersClient(this.client);
    this.health = new HealthClient(this.client);
    this.migrate = new MigrateClient(this.client);
  }
}

export function verifyWebhook({ rawBody, signatureHeader, secret, toleranceSeconds = 300, now = new Date() }) {
  const said = {};
  for (const part of signatureHeader.split(",")) {
    const [name, value] = part.trim().split("=");
    if (name === "v1" || !Number.isNaN(Number(value))) said[name] = value;
  }
  if (!said.t || !said.v1) return false;
  const t = Number(said.t);
  const age = Math.floor(now.getTime() / 1000) - t;
  if (age > toleranceSeconds || age < -60) return false;
  const expected = createHmac("sha256", secret).update(`${t}.`).update(rawBody).digest();
  const given = Buffer.from(said.v1, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
