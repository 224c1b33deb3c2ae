// A stand-in for the Node SDK, written for the tests of the recorder: it makes the recorded requests, and no more.
const RETRIED = [408, 425, 429, 500, 502, 503, 504];
const STAMPED = ["POST", "PUT", "PATCH"];

export class KratyServerError extends Error {
  constructor(status, code, message, details) {
    super(`[${status}] ${code}: ${message}`);
    Object.assign(this, { status, code, details });
  }
}
export class KratyNetworkError extends Error {}

class Client {
  constructor({ apiKey, baseUrl = "https://api.kraty.io", retry, generateIdempotencyKey, onRequest }) {
    Object.assign(this, { apiKey, generateIdempotencyKey, onRequest });
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.retry = { attempts: 4, initialDelayMs: 200, maxDelayMs: 10000, jitter: 0.2, ...retry };
  }

  async request(method, path, body) {
    const url = `${this.baseUrl}/server/v1${path}`;
    const headers = { authorization: `Bearer ${this.apiKey}`, accept: "application/json" };
    let key = null;
    if (STAMPED.includes(method)) {
      key = body?.idempotencyKey || this.generateIdempotencyKey();
      body = { ...body, ...(body?.idempotencyKey ? {} : { idempotencyKey: key }) };
      headers["content-type"] = "application/json";
    }
    for (let attempt = 1; ; attempt++) {
      const last = attempt >= this.retry.attempts;
      let response;
      try {
        response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
      } catch (error) {
        this.onRequest?.({ method, url, attempt, idempotencyKey: key, ok: false });
        if (last) throw new KratyNetworkError("no answer", { cause: error });
        continue;
      }
      const { status, ok } = response;
      const text = await response.text();
      this.onRequest?.({ method, url, attempt, idempotencyKey: key, status, ok });
      if (!ok && RETRIED.includes(status) && !last) continue;
      let read;
      try {
        read = JSON.parse(text);
      } catch {
        if (ok) throw new KratyServerError(status, "internal_error", `response body was not valid JSON: ${text}`);
      }
      if (ok) return read;
      const bare = { code: "internal_error", message: `non-2xx response without an error envelope (status=${status})` };
      const { code, message, details } = read?.error ?? bare;
      throw new KratyServerError(status, code, message, details);
    }
  }

  async data(method, path, body) {
    return (await this.request(method, path, body)).data;
  }
}

const id = encodeURIComponent;

export class KratyServer {
  constructor(options) {
    const api = new Client(options);
    const player = (p) => `/players/${id(p)}`;
    const post = (path, body) => api.data("POST", path, body);
    const read = (path) => api.data("GET", path);
    this.grants = {
      create: (p, input) => post(`${player(p)}/grants`, input),
      ack: (p, grant, input) => post(`${player(p)}/grants/${id(grant)}/ack`, input),
    };
    this.inventory = {
      grant: (p, item, input) => post(`${player(p)}/inventory/${id(item)}/grant`, input),
      revoke: (p, item, input) => post(`${player(p)}/inventory/${id(item)}/revoke`, input),
    };
    this.wallet = {
      credit: (p, key, input) => post(`${player(p)}/wallet/${id(key)}/credit`, input),
      debit: (p, key, input) => post(`${player(p)}/wallet/${id(key)}/debit`, input),
    };
    this.lobbies = {
      push: (game, event, input) => post(`/games/${id(game)}/events/${id(event)}/lobbies`, input),
      read: (game, lobby) => read(`/games/${id(game)}/lobbies/${id(lobby)}`),
    };
    this.leaderboards = {
      submitScore: (p, key, value, input) =>
        post(`/leaderboards/${id(key)}/score`, { externalPlayerId: p, value, ...input }),
    };
    const reportProgress = (p, event, attempt, input) =>
      post(`${player(p)}/events/${id(event)}/attempts/${id(attempt)}/progress`, input);
    this.events = {
      reportProgress,
      progress: reportProgress,
      finish: (p, event, attempt) => post(`${player(p)}/events/${id(event)}/attempts/${id(attempt)}/finish`),
    };
    this.players = {
      get: (p) => read(player(p)),
      setIdentity: async (p, input) => (await api.data("PUT", `${player(p)}/identity`, input)).syntheticIdentity,
      delete: (p, input) => post(`${player(p)}/delete`, input),
      export: (p) => read(`${player(p)}/export`),
      ban: (p, input) => post(`${player(p)}/ban`, input),
      unban: (p) => post(`${player(p)}/unban`),
      merge: (from, to) => post(`${player(from)}/merge-into/${id(to)}`),
      friends: async (p) => (await read(`${player(p)}/friends`)).friends,
      friendRequests: (p) => read(`${player(p)}/friends/requests`),
      blocks: async (p) => (await read(`${player(p)}/blocks`)).blocked,
    };
    this.migrate = {
      players: (rows) => post("/migrate/players", { rows }),
      wallet: (rows) => post("/migrate/wallet", { rows }),
      inventory: (rows) => post("/migrate/inventory", { rows }),
    };
    this.health = { ping: () => api.request("GET", "/ping") };
  }
}
