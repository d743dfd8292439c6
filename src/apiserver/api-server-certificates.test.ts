import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { connect as connectPlain } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { eventually } from "../../test/poll.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { KeyPair } from "../security/certificates/ca-material.ts";
import { serveInMemory } from "./api-server.fixture.ts";

type Served = Awaited<ReturnType<typeof serveInMemory>>;

const DAY_MS = 86_400_000;

interface Who {
  /** What the client believes. */
  readonly ca: string;
  readonly pair?: KeyPair;
  readonly token?: string;
  readonly agent?: Agent;
}

async function open(server: Served, { ca, pair, token, agent }: Who, path: string): Promise<IncomingMessage> {
  const client = pair ? { cert: pair.certificate, key: pair.key } : {};
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const asked = request({
    host: "127.0.0.1",
    port: server.httpsPort,
    path,
    agent: agent ?? false,
    ca,
    headers,
    ...client,
  }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return response;
}

async function codeOf(server: Served, who: Who): Promise<number> {
  const response = await open(server, who, "/api/v1/namespaces");
  await once(response.resume(), "end");
  return response.statusCode ?? 0;
}

const ownerOf = ({ authority }: Served): KeyPair =>
  authority.issue({ usage: "client", commonName: "me", organizations: ["system:masters"], days: 1 });

/** Asks all the time, on one connection and on new ones. */
function load(server: Served, who: Who) {
  const seen = { requests: 0, failures: [] as unknown[], stop: async (): Promise<void> => {} };
  let done = false;
  const staying = new Agent({ keepAlive: true, maxSockets: 1 });
  const again = async (own: Who): Promise<void> => {
    while (!done) {
      try {
        assert.equal(await codeOf(server, own), 200);
        seen.requests += 1;
      } catch (error) {
        seen.failures.push(error);
      }
    }
  };
  const running = Promise.all([again(who), again({ ...who, agent: staying })]);
  const more = async (): Promise<void> => {
    const now = seen.requests;
    await eventually(() => seen.requests > now + 10, { what: "more requests" });
  };
  const stop = async (): Promise<void> => {
    done = true;
    await running;
    staying.destroy();
    assert.deepEqual(seen.failures, []);
  };
  return { more, stop };
}

test("the certificate is renewed again and again under load, and no connection fails", async () => {
  const late: Clock = { ...systemClock, now: () => systemClock.now() + 70 * DAY_MS };
  await using server = await serveInMemory({ certificateClock: late });
  const asking = load(server, { ca: server.authority.certificate, pair: ownerOf(server) });
  const shown = new Set<string>();
  for (let round = 1; round <= 20; round += 1) {
    shown.add(server.identity.current.certificate);
    await server.identity.load();
    await asking.more();
  }
  await asking.stop();
  assert.equal(shown.size, 20, "each time another one");
});

test("the CA is replaced under load, and who knows only the old one notices nothing", async () => {
  await using server = await serveInMemory();
  const { authority } = server;
  const first: Who = { ca: authority.certificate, pair: ownerOf(server) };
  const watching = await open(server, first, "/api/v1/namespaces?watch=true");
  const asking = load(server, first);
  const others: Who[] = [];
  for (let round = 1; round <= 2; round += 1) {
    await authority.stage();
    await asking.more();
    await authority.activate({ overlapMs: DAY_MS });
    await asking.more();
    others.push({ ca: authority.certificate, pair: ownerOf(server) });
  }
  for (const one of others) assert.equal(await codeOf(server, one), 200);
  await asking.stop();
  assert.equal(watching.destroyed, false);
  watching.destroy();
});

test("when a CA is distrusted, what hangs on it ends, and what came with the new one goes on", async () => {
  await using server = await serveInMemory();
  const { authority, tokens } = server;
  const { token } = await tokens.create("t", 0);
  const old: Who = { ca: authority.certificate, pair: ownerOf(server) };
  await authority.stage();
  await authority.activate({ overlapMs: DAY_MS });
  const next: Who = { ca: authority.certificate, pair: ownerOf(server) };
  const idle = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal(await codeOf(server, { ...old, agent: idle }), 200);
  const going = await open(server, next, "/api/v1/namespaces?watch=true");
  const closed = new Promise((resolve) =>
    idle.freeSockets[Object.keys(idle.freeSockets)[0] ?? ""]?.[0]?.once("close", resolve),
  );
  await authority.distrustOld();
  await closed;
  await assert.rejects(codeOf(server, old), { code: /^(UNABLE_TO|SELF_SIGNED|DEPTH)/ });
  assert.equal(await codeOf(server, { ...next, pair: old.pair as KeyPair }), 401);
  assert.equal(await codeOf(server, next), 200);
  assert.equal(await codeOf(server, { ca: authority.certificate, token }), 200);
  assert.equal(going.destroyed, false);
  going.destroy();
  idle.destroy();
});

/** A connection by the owner's certificate, with a watch on it, after which that certificate is distrusted. */
async function distrustedWhileWatching(server: Served, query = "") {
  const { authority } = server;
  const { certificate: cert, key } = ownerOf(server);
  const socket = connect({ host: "127.0.0.1", port: server.httpsPort, ca: authority.certificate, cert, key });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {}); // that it ends is what is looked at
  const seen = { told: "", closed, send: (text: string) => socket.write(text) };
  socket.on("data", (chunk) => (seen.told += String(chunk)));
  seen.send(`GET /api/v1/namespaces?watch=true${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await eventually(() => seen.told.includes("200 OK"), { what: "a watch" });
  await authority.stage();
  await authority.activate({ overlapMs: DAY_MS });
  await authority.distrustOld();
  return seen;
}

const LATE = '{"metadata":{"name":"late"}}';
const CREATE = `POST /api/v1/namespaces HTTP/1.1\r\nHost: a\r\nContent-Length: ${LATE.length}\r\n\r\n${LATE}`;

test("a connection that is distrusted in the middle of an answer gets that one to its end, and no other", async () => {
  await using server = await serveInMemory();
  const busy = await distrustedWhileWatching(server, "&timeoutSeconds=1");
  await eventually(() => busy.told.endsWith("\r\n0\r\n\r\n"), { what: "the answer's end" });
  busy.send(CREATE);
  await busy.closed;
  assert.equal(server.store.get({ resource: "namespaces", namespace: "", name: "late" }), undefined);
});

test("a request that comes before the end of such an answer is not served, and ends the connection", async () => {
  await using server = await serveInMemory();
  const busy = await distrustedWhileWatching(server);
  busy.send(CREATE);
  await busy.closed;
  assert.equal(server.store.get({ resource: "namespaces", namespace: "", name: "late" }), undefined);
});

test("whoever begins with TLS only after the certificate is distrusted is too late with it", async () => {
  await using server = await serveInMemory();
  const { authority } = server;
  const { certificate: cert, key } = ownerOf(server);
  const ca = authority.certificate;
  const early = connectPlain({ host: "127.0.0.1", port: server.httpsPort });
  await once(early, "connect");
  // Connections are accepted in turn: the server has that one when it has answered this.
  assert.equal(await codeOf(server, { ca, pair: ownerOf(server) }), 200);
  await authority.stage();
  await authority.activate({ overlapMs: DAY_MS });
  await authority.distrustOld();
  const socket = connect({ socket: early, host: "127.0.0.1", ca, cert, key }).on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(CREATE);
  await closed;
  assert.equal(server.store.get({ resource: "namespaces", namespace: "", name: "late" }), undefined);
});
