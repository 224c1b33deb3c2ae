// What do Node SDKs do in these cases? `node record.mjs < runs.json > told.json`; no dependencies.
//
// A run is `{package, cases, webhooks}`. Waiting costs nothing: a timer that is set while no request is under way is a
// pause of the SDK, is noted and ends at once; one that is set with a request is its time limit, is noted and strikes
// when the server hangs.
import { createHmac } from "node:crypto";
import { readFileSync, existsSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { pathToFileURL } from "node:url";

const NAME = "@kraty/server-sdk";
const HEADERS = ["authorization", "accept", "content-type"];
const TELEMETRY = ["method", "url", "attempt", "idempotencyKey", "status", "ok"];
const WITHOUT_BODY = [204, 205, 304];
const PATIENCE_MS = 20_000;
const NOTICE_MS = 50;
const HANGS = Symbol("hangs");

const real = { setTimeout, clearTimeout, setImmediate, fetch, random: Math.random, after: timersPromises.setTimeout };
let watch = { guards: new Map() };

function pause(callback, ms = 1, ...rest) {
  if (new Error().stack.split("\n")[2]?.includes("node:internal")) return real.setTimeout(callback, ms, ...rest);
  const mine = watch;
  const timer = real.setTimeout(() => {}, 2 ** 31 - 1).unref();
  const fire = () => mine.guards.delete(timer) && callback(...rest);
  mine.guards.set(timer, fire);
  real.setImmediate(() => {
    if (!mine.guards.has(timer)) return;
    if (mine.underWay) {
      mine.timeouts.push(ms);
    } else {
      mine.sleeps.push(ms);
      fire();
    }
  });
  return timer;
}

function unpause(timer) {
  watch.guards.delete(timer);
  real.clearTimeout(timer);
}

function watched() {
  globalThis.setTimeout = timers.setTimeout = pause;
  globalThis.clearTimeout = timers.clearTimeout = unpause;
  timersPromises.setTimeout = (ms, value) => new Promise((done) => pause(done, ms, value));
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    pause(() => controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")), ms);
    return controller.signal;
  };
  Math.random = () => watch.random ?? real.random();
  globalThis.fetch = async (input, init) => {
    const mine = watch;
    const url = new URL(input instanceof Request ? input.url : input);
    const sent = mine.url + url.pathname + url.search; // whatever host is meant, it is our server that answers
    if (url.origin !== mine.url) mine.meant = url.host;
    mine.underWay++;
    try {
      return await real.fetch(input instanceof Request ? new Request(sent, input) : sent, init);
    } finally {
      mine.underWay--;
    }
  };
  syncBuiltinESMExports();
}

/** The server does not go on: the time limits that are set strike; without any, the call hangs. */
async function hang(mine) {
  await real.after(NOTICE_MS);
  for (let turn = 0; turn < 10; turn++) await new Promise((done) => real.setImmediate(done)); // what came is read first
  const guards = [...mine.guards.values()];
  if (guards.length === 0) mine.giveUp();
  for (const fire of guards) fire();
}

/** The file that `import "@kraty/server-sdk"` would load. */
function entry(path) {
  const installed = join(path, "node_modules", NAME);
  const root = existsSync(installed) ? installed : resolve(path);
  const about = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  let target = about.exports?.["."] ?? about.exports ?? about.module ?? about.main ?? "index.js";
  while (typeof target === "object") target = target.import ?? target.node ?? target.default ?? target.require;
  return pathToFileURL(join(root, target)).href;
}

/** A server that is only a socket: it keeps every byte that arrives, and answers as the case says. */
function loopback(responses, mine) {
  const arrived = [];
  const sockets = new Set();
  const server = createServer((socket) => {
    let held = Buffer.alloc(0);
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      held = Buffer.concat([held, data]);
      for (let end; (end = held.indexOf("\r\n\r\n")) >= 0; ) {
        const [line, ...lines] = held.subarray(0, end).toString("latin1").split("\r\n");
        const headers = Object.fromEntries(
          lines.map((text) => [text.slice(0, text.indexOf(":")).toLowerCase(), text.slice(text.indexOf(":") + 1).trim()]),
        );
        const size = Number(headers["content-length"] ?? 0);
        if (held.length < end + 4 + size) return;
        const body = held.subarray(end + 4, end + 4 + size);
        held = held.subarray(end + 4 + size);
        const reply = responses[Math.min(arrived.length, responses.length - 1)];
        const [method, target] = line.split(" ");
        arrived.push({ method, target, headers, body: "content-length" in headers ? body.toString("utf8") : null });
        if (reply.drop) {
          socket.resetAndDestroy();
          return;
        }
        if (reply.hang) hang(mine);
        if (reply.hang === "head") return;
        const text = Buffer.from("json" in reply ? JSON.stringify(reply.json) : (reply.raw ?? ""));
        const sized = WITHOUT_BODY.includes(reply.status) ? {} : { "content-length": text.length };
        const sent = { "content-type": "application/json", ...sized, ...reply.headers };
        const head = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
        const shown = reply.hang === "body" ? text.subarray(0, text.length / 2) : text;
        socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 ${reply.status} Reply\r\n${head.join("")}\r\n`), shown]));
      }
    });
  });
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return new Promise((ready) => {
    server.listen(0, "127.0.0.1", () => ready({ arrived, close, url: `http://127.0.0.1:${server.address().port}` }));
  });
}

/** The form of a header: without what is this run's. */
function form(value, server) {
  const host = server.url.slice("http://".length);
  return value.replaceAll(host, "HOST").replaceAll(NAME, "NAME").replace(/\d+(\.\d+)+/g, "VERSION");
}

function told(error) {
  const type = error?.constructor?.name ?? typeof error;
  if (type === "KratyNetworkError") return { type };
  const text = String(error?.message ?? error);
  if (type !== "KratyServerError") return { type, text };
  return { type, status: error.status, code: error.code, details: error.details ?? null, text };
}

/** What an error says besides: which getters are true, the text where no answer came, whether it has a cause. */
function toldBesides(error) {
  const type = error?.constructor?.name;
  if (type === "KratyNetworkError") return { text: error.message, cause: error.originalCause !== undefined };
  if (type !== "KratyServerError") return {};
  const getters = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(error)));
  const named = getters.filter(([name, member]) => member.get && error[name] === true).map(([name]) => name);
  return { getters: named.sort(), is: error.is?.(error.code) ?? "has it not" };
}

/** What in a value is not as JSON has it. */
function strange(value, place = "value") {
  if (value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value)) return [];
  if (typeof value !== "object") return [`${place}: ${typeof value === "number" ? value : typeof value}`];
  const made = Object.getPrototypeOf(value)?.constructor?.name ?? "null";
  if (!["Object", "Array"].includes(made)) return [`${place}: ${made}`];
  return Object.entries(value).flatMap(([name, item]) => strange(item, `${place}.${name}`));
}

function late() {
  return real.after(PATIENCE_MS, null, { ref: false }).then(() => {
    throw new Error(`no result after ${PATIENCE_MS} ms`);
  });
}

function optionsOf(one, server, telemetry, count) {
  const retry = { attempts: 3, initialDelayMs: 1, jitter: 0, ...one.retry };
  return {
    apiKey: "pfx_test.secret_test",
    ...(one.base_url !== null && { baseUrl: server.url + (one.base_suffix ?? "") }),
    ...(one.retry !== null && { retry }),
    ...(one.timeout_ms && { timeoutMs: one.timeout_ms }),
    ...(one.generator !== null && { generateIdempotencyKey: () => `generated-${++count.keys}` }),
    onRequest: (info) => {
      telemetry.push({ ...info });
      if (one.hook === "raises") throw new Error("the hook broke");
    },
  };
}

async function play(KratyServer, one) {
  const telemetry = [];
  const count = { keys: 0 };
  const mine = { guards: new Map(), sleeps: [], timeouts: [], underWay: 0, random: one.random ?? null };
  const server = await loopback(one.responses, mine);
  mine.url = server.url;
  watch = mine;
  const hangs = new Promise((done) => (mine.giveUp = () => done(HANGS)));
  let outcome;
  let further = {};
  try {
    const kraty = new KratyServer(optionsOf(one, server, telemetry, count));
    const rest = one.input == null ? [] : [one.input];
    const call = kraty[one.resource][one.method](...one.args, ...rest);
    const returned = await Promise.race([call, hangs, late()]);
    outcome = returned === HANGS ? { hangs: true } : { returned: returned ?? null };
    further = { strange: returned === HANGS ? [] : strange(returned) };
  } catch (error) {
    outcome = { error: told(error) };
    further = { error: toldBesides(error) };
  } finally {
    server.close();
  }
  return {
    id: one.id,
    requests: server.arrived.map(({ headers, ...request }) => ({
      ...request,
      headers: Object.fromEntries(HEADERS.filter((name) => name in headers).map((name) => [name, headers[name]])),
    })),
    outcome,
    telemetry: telemetry.map((info) => ({
      ...Object.fromEntries(TELEMETRY.map((name) => [name, info[name] ?? null])),
      url: String(info.url).replace(server.url, ""),
    })),
    generated_keys: count.keys,
    further: {
      headers: server.arrived.map(({ headers }) =>
        Object.fromEntries(
          Object.entries(headers)
            .filter(([name]) => !HEADERS.includes(name))
            .map(([name, value]) => [name, name === "host" && mine.meant ? mine.meant : form(value, server)]),
        ),
      ),
      telemetry: telemetry.map((info) =>
        Object.fromEntries(
          Object.keys(info).filter((name) => !TELEMETRY.includes(name)).map((name) => [name, typeof info[name]]),
        ),
      ),
      sleeps: mine.sleeps,
      timeouts: mine.timeouts,
      ...further,
    },
  };
}

/** What can be seen in JavaScript: exports, the members of classes, the functions on what a client has. */
function surface(module) {
  const inherited = (made) =>
    [null, Object.prototype, Error.prototype].includes(made)
      ? []
      : [...Object.getOwnPropertyNames(made), ...inherited(Object.getPrototypeOf(made))];
  const membersOf = (made) => [...new Set(inherited(made))].filter((name) => name !== "constructor");
  const kindOf = (value) => (typeof value === "function" && /^class\b/.test(String(value)) ? "class" : typeof value);
  const kraty = new module.KratyServer({ apiKey: "pfx_test.secret_test" });
  const functionsOf = (owner) => membersOf(owner).filter((name) => typeof owner[name] === "function");
  const classes = Object.entries(module).filter(([, value]) => kindOf(value) === "class");
  return {
    exports: Object.fromEntries(Object.entries(module).map(([name, value]) => [name, kindOf(value)])),
    classes: Object.fromEntries(classes.map(([name, value]) => [name, membersOf(value.prototype)])),
    client: Object.fromEntries(
      membersOf(kraty).map((name) => [name, typeof kraty[name] === "object" ? functionsOf(kraty[name] ?? null) : []]),
    ),
  };
}

/** Verdicts on signatures, of the body in each form that may be given; `live` signs so many seconds from now. */
function verdict(verifyWebhook, one) {
  const body = Buffer.from(one.body_base64, "base64");
  let { header } = one;
  if ("live" in one) {
    const t = Math.floor(Date.now() / 1000) + one.live;
    header = `t=${t},v1=${createHmac("sha256", one.secret).update(`${t}.`).update(body).digest("hex")}`;
  }
  const forms = [body, new Uint8Array(body)];
  if (Buffer.from(body.toString("utf8"), "utf8").equals(body)) forms.push(body.toString("utf8"));
  const given = {
    signatureHeader: header,
    secret: one.secret,
    ...("now" in one && { now: new Date(one.now * 1000) }),
    ...("tolerance_seconds" in one && { toleranceSeconds: one.tolerance_seconds }),
  };
  const verdicts = forms.map((rawBody) => {
    try {
      return verifyWebhook({ rawBody, ...given });
    } catch (error) {
      return error?.constructor?.name ?? typeof error;
    }
  });
  return new Set(verdicts).size === 1 ? verdicts[0] : verdicts;
}

async function run({ package: path, cases, webhooks }) {
  const module = await import(entry(path));
  const records = [];
  for (const one of cases) records.push(await play(module.KratyServer, one));
  const verdicts = Object.fromEntries(
    webhooks.map((one) => [one.id, module.verifyWebhook ? verdict(module.verifyWebhook, one) : "has it not"]),
  );
  return { records, verdicts, surface: surface(module) };
}

process.on("unhandledRejection", () => {}); // of a call that was given up
watched();
const done = [];
for (const one of JSON.parse(readFileSync(0, "utf8"))) done.push(await run(one));
const numbers = (_, value) => (typeof value === "bigint" ? Number(value) : value); // told as strange already
process.stdout.write(JSON.stringify(done, numbers), () => process.exit(0));
