import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { backend, bodyOf, raw, start, SteppingClock, toEndpoints, until } from "./ingress-fixture.ts";

/** A client that shows what came back so far. */
function client(t: TestContext, port: number) {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  const seen = { text: "", closed: false };
  socket.on("data", (chunk: Buffer) => (seen.text += chunk.toString("latin1")));
  // Writing on after the other side has ended is what such a client does.
  socket.on("error", () => socket.destroy());
  socket.once("close", () => (seen.closed = true));
  return { socket, seen };
}

const upload = (method: string, path: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n`;

/** Sends a head and then a byte every second, whatever comes back. Gives all that came once the connection is over. */
async function drip(t: TestContext, { port, head, clock }: { port: number; head: string; clock: SteppingClock }) {
  const { socket, seen } = client(t, port);
  socket.write(head);
  const started = clock.monotonic();
  const over = await until(() => {
    if (seen.closed) return true;
    socket.write("x");
    clock.advance(1000);
    return false;
  });
  assert.ok(over, `the connection is still open, and showed ${seen.text}`);
  return { text: seen.text, seconds: (clock.monotonic() - started) / 1000 };
}

test("our own answers end the connection of a client whose body comes drop by drop", async (t) => {
  const clock = new SteppingClock();
  const { http: port, server } = await start(t, undefined, { clock, https: { host: "127.0.0.1", port: 0 } });
  const dripTo = (method: string): Promise<{ text: string; seconds: number }> =>
    drip(t, { port, head: upload(method, "/"), clock });
  const unready = await dripTo("POST");
  assert.match(unready.text, /^HTTP\/1\.1 503 .*connection: close.*Service unavailable: .*\n$/is);
  // Less than a minute: nobody waits for the body once it is answered.
  assert.ok(unready.seconds < 60, String(unready.seconds));
  server.apply(toEndpoints([], { path: "/app" }));
  assert.match((await dripTo("POST")).text, /^HTTP\/1\.1 404 .*connection: close.*Not found/is);
  assert.match((await dripTo("TRACE")).text, /^HTTP\/1\.1 405 .*connection: close.*not allowed/is);
  server.apply(toEndpoints([], { redirect: true }));
  assert.match((await dripTo("POST")).text, /^HTTP\/1\.1 308 .*connection: close/is);
  assert.ok(await until(() => server.stats().active === 0));
});

test("a client that sends all of a large body gets our own page; a small or no body keeps the connection", async (t) => {
  const clock = new SteppingClock();
  const { http } = await start(t, toEndpoints([], { path: "/app" }), { clock });
  const size = 4_000_000;
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`;
  assert.match(await raw(http, head + "x".repeat(size)), /^HTTP\/1\.1 404 .*connection: close.*\(\w+\)\n$/is);
  const get = "GET / HTTP/1.1\r\nHost: a\r\n";
  const small = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`;
  const all = await raw(http, `${small}${get}\r\n${small}${get}Connection: close\r\n\r\n`);
  assert.equal(all.match(/HTTP\/1\.1 404 /g)?.length, 4, all);
});

test("a body that comes drop by drop is answered with 408, and its endpoint's request ends", async (t) => {
  const clock = new SteppingClock();
  let broken = 0;
  const endpoint = await backend(t, async (request, response) => {
    await bodyOf(request).catch(() => (broken += 1));
    response.end("late");
  });
  const { http: port, server } = await start(t, toEndpoints([endpoint]), { clock });
  const { text, seconds } = await drip(t, { port, head: upload("POST", "/"), clock });
  assert.match(text, /^HTTP\/1\.1 408 .*connection: close.*Request timeout: .*\n$/is);
  assert.ok(seconds >= 60 && seconds < 75, String(seconds));
  assert.ok(await until(() => broken === 1 && server.stats().active === 0));
  assert.equal(server.stats().statuses["408"], 1);
});

test("what is left of a body behind the endpoint's answer must come, too", async (t) => {
  const clock = new SteppingClock();
  const endpoint = await backend(t, (_, response) => response.end("early"));
  const { http: port, server } = await start(t, toEndpoints([endpoint]), { clock });
  const { text } = await drip(t, { port, head: upload("POST", "/"), clock });
  assert.match(text, /^HTTP\/1\.1 200 .*early$/s);
  assert.ok(await until(() => server.stats().active === 0));
  // One that does come is read to its end, and the connection serves on.
  const size = 3_000_000;
  const both = await raw(
    port,
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}` +
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  assert.equal(both.match(/HTTP\/1\.1 200 /g)?.length, 2, both);
});

/** An endpoint that counts what it gets of a body. */
async function counting(t: TestContext, onRequest: (request: IncomingMessage, response: ServerResponse) => void) {
  const got = { bytes: 0 };
  const endpoint = await backend(t, (request, response) => {
    request.on("data", (chunk: Buffer) => (got.bytes += chunk.length));
    request.on("error", () => {});
    onRequest(request, response);
  });
  return { endpoint, got };
}

test("an upload that keeps the pace is not cut off however long it takes, one that falls behind is", async (t) => {
  const clock = new SteppingClock();
  const { endpoint, got } = await counting(t, () => {});
  const { http } = await start(t, toEndpoints([endpoint]), { clock });
  const { socket, seen } = client(t, http);
  socket.write(upload("POST", "/"));
  const send = async (bytes: number, seconds: number): Promise<void> => {
    const goal = got.bytes + bytes;
    clock.advance(seconds * 1000);
    socket.write("x".repeat(bytes));
    await until(() => got.bytes >= goal || seen.text !== "");
  };
  for (let round = 0; round < 60; round++) await send(55 * 240, 55);
  assert.equal(seen.text, "");
  for (let round = 0; round < 10; round++) await send(20 * 120, 20);
  assert.match(seen.text, /^HTTP\/1\.1 408 /);
});

test("a client is not blamed for an endpoint that takes nothing", async (t) => {
  const clock = new SteppingClock();
  const size = 40_000_000;
  const go = Promise.withResolvers<void>();
  let began = false;
  const endpoint = await backend(t, async (request, response) => {
    began = true;
    await go.promise;
    response.end(String((await bodyOf(request)).length));
  });
  const { http } = await start(t, toEndpoints([endpoint]), { clock });
  const sending = fetch(`http://127.0.0.1:${http}/`, { method: "POST", body: Buffer.alloc(size) });
  assert.ok(await until(() => began));
  // Until all buffers in between are full; then nothing moves for ten minutes.
  for (let round = 0; round < 100; round++) await new Promise(setImmediate);
  for (let minute = 0; minute < 10; minute++) clock.advance(60_000);
  go.resolve();
  const answer = await sending;
  assert.deepEqual([answer.status, await answer.text()], [200, String(size)]);
});

test("while an answer streams, its request may be slow, and both may end hours later", async (t) => {
  const clock = new SteppingClock();
  const { endpoint, got } = await counting(t, (request, response) => {
    response.write("first");
    request.on("data", () => response.write("echo "));
    request.once("end", () => response.end("last"));
  });
  const { http } = await start(t, toEndpoints([endpoint]), { clock });
  const { socket, seen } = client(t, http);
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n");
  assert.ok(await until(() => seen.text.includes("first")));
  for (let round = 2; round <= 10; round++) {
    clock.advance(1_000_000);
    socket.write("1\r\nx\r\n");
    assert.ok(await until(() => got.bytes === round));
  }
  socket.write("0\r\n\r\n");
  assert.ok(await until(() => seen.closed));
  assert.match(seen.text, /^HTTP\/1\.1 200 .*last\r\n0\r\n\r\n$/s);
});

test("a WebSocket may be silent for longer than a body", async (t) => {
  const clock = new SteppingClock();
  const endpoint = await backend(t, () => {});
  const sockets = new WebSocketServer({ server: endpoint.server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(`echo ${String(data as Buffer)}`)));
  const { http } = await start(t, toEndpoints([endpoint]), { clock });
  const socket = new WebSocket(`ws://127.0.0.1:${http}/`);
  await once(socket, "open");
  clock.advance(600_000);
  socket.send("hello");
  assert.equal(String((await once(socket, "message"))[0]), "echo hello");
  socket.terminate();
});

test("who does not begin TLS on its port, or begins something else, is cut off", async (t) => {
  const options = { https: { host: "127.0.0.1", port: 0 }, handshakeTimeoutMs: 200 };
  const { https, server } = await start(t, toEndpoints([]), options);
  const silent = client(t, https);
  assert.ok(await until(() => silent.seen.closed));
  const wrong = client(t, https);
  wrong.socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.ok(await until(() => wrong.seen.closed));
  assert.equal(server.stats().malformed, 2);
});
