// What does a Node SDK do in these cases? `node record.mjs PACKAGE < cases.json > records.json`; no dependencies.
import { readFileSync, existsSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const NAME = "@kraty/server-sdk";
const HEADERS = ["authorization", "accept", "content-type"];
const TELEMETRY = ["method", "url", "attempt", "idempotencyKey", "status", "ok"];
const PATIENCE_MS = 10_000;

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
function loopback(responses) {
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
        arrived.push({
          method,
          target,
          headers: Object.fromEntries(HEADERS.filter((name) => name in headers).map((name) => [name, headers[name]])),
          body: "content-length" in headers ? body.toString("utf8") : null,
        });
        if (reply.drop) {
          socket.resetAndDestroy();
          return;
        }
        const text = Buffer.from("json" in reply ? JSON.stringify(reply.json) : (reply.raw ?? ""));
        const sent = { "content-type": "application/json", "content-length": text.length, ...reply.headers };
        const head = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 ${reply.status} Reply\r\n${head.join("")}\r\n`), text]));
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

function told(error) {
  const type = error?.constructor?.name ?? typeof error;
  if (type === "KratyNetworkError") return { type };
  const text = String(error?.message ?? error);
  if (type !== "KratyServerError") return { type, text };
  return { type, status: error.status, code: error.code, details: error.details ?? null, text };
}

function late() {
  return new Promise((_, fail) => {
    setTimeout(() => fail(new Error(`no result after ${PATIENCE_MS} ms`)), PATIENCE_MS).unref();
  });
}

async function play(KratyServer, one) {
  const server = await loopback(one.responses);
  const telemetry = [];
  let made = 0;
  let outcome;
  try {
    const kraty = new KratyServer({
      apiKey: "pfx_test.secret_test",
      baseUrl: server.url + (one.base_suffix ?? ""),
      retry: { attempts: 3, initialDelayMs: 1, jitter: 0, ...one.retry },
      ...(one.timeout_ms && { timeoutMs: one.timeout_ms }),
      generateIdempotencyKey: () => `generated-${++made}`,
      onRequest: (info) => telemetry.push(info),
    });
    const rest = one.input == null ? [] : [one.input];
    const returned = await Promise.race([kraty[one.resource][one.method](...one.args, ...rest), late()]);
    outcome = { returned: returned ?? null };
  } catch (error) {
    outcome = { error: told(error) };
  } finally {
    server.close();
  }
  return {
    id: one.id,
    requests: server.arrived,
    outcome,
    telemetry: telemetry.map((info) => ({
      ...Object.fromEntries(TELEMETRY.map((name) => [name, info[name] ?? null])),
      url: String(info.url).replace(server.url, ""),
    })),
    generated_keys: made,
  };
}

const { KratyServer } = await import(entry(process.argv[2]));
const records = [];
for (const one of JSON.parse(readFileSync(0, "utf8"))) records.push(await play(KratyServer, one));
process.stdout.write(JSON.stringify(records), () => process.exit(0));
