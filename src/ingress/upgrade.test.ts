import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../lib/clock.ts";
import { backend, deadEndpoint, raw, start, toEndpoints, until } from "./ingress-fixture.ts";

test("plain HTTP is redirected to HTTPS with method, host and path kept", async (t) => {
  const endpoint = await backend(t, (_, response) => response.end("plain"));
  const snapshot = toEndpoints([endpoint], { redirect: true });
  const https = { host: "127.0.0.1", port: 0 };
  const { http } = await start(t, snapshot, { https, publicHttpsPort: 8443 });
  const ask = (port: number): Promise<string> =>
    raw(port, "POST /a%20b?c=d HTTP/1.1\r\nHost: Shop.test:8080\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  const answer = await ask(http);
  assert.match(answer, /^HTTP\/1\.1 308 /);
  assert.match(answer, /location: https:\/\/Shop\.test:8443\/a%20b\?c=d\r\n/);
  const only = await start(t, snapshot);
  assert.match(await ask(only.http), /^HTTP\/1\.1 200 .*plain$/s);
});

test("a WebSocket passes both ways, past an endpoint that cannot be reached, and ends with either side", async (t) => {
  const sockets = new WebSocketServer({ noServer: true });
  t.after(() => sockets.close());
  const endpoint = await backend(t, (_, response) => response.writeHead(426).end("upgrade, please"));
  const open = new Set<WebSocket>();
  endpoint.server.on("upgrade", (request, socket, head) => {
    if (request.url === "/no") {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      open.add(opened);
      opened.on("close", () => open.delete(opened));
      opened.on("message", (message, binary) => opened.send(message, { binary }));
      opened.send(String(request.headers["x-forwarded-for"]));
    });
  });
  const { http, server } = await start(t, toEndpoints([deadEndpoint(), endpoint]));
  const client = new WebSocket(`ws://127.0.0.1:${http}/chat`);
  const messages: string[] = [];
  client.on("message", (message: Buffer) => messages.push(message.toString("latin1").slice(0, 20)));
  await once(client, "open");
  client.send("hello");
  client.send(Buffer.alloc(300_000, "x"));
  assert.ok(await until(() => messages.length === 3));
  assert.deepEqual(messages, ["127.0.0.1", "hello", "x".repeat(20)]);
  assert.equal(server.stats().activeUpgrades, 1);
  client.terminate();
  assert.ok(await until(() => open.size === 0 && server.stats().activeUpgrades === 0));

  const refused = new WebSocket(`ws://127.0.0.1:${http}/no`);
  const [, answer] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
  assert.equal(answer.statusCode, 403);
  refused.on("error", () => {});
  refused.terminate();
  server.apply(toEndpoints([]));
  const homeless = new WebSocket(`ws://127.0.0.1:${http}/`);
  const [, page] = (await once(homeless, "unexpected-response")) as [unknown, IncomingMessage];
  assert.equal(page.statusCode, 503);
  homeless.on("error", () => {});
  homeless.terminate();
});

test("an upgrade to anything but WebSocket is an ordinary request without it", async (t) => {
  const endpoint = await backend(t, (request, response) =>
    response.end(`upgrade: ${request.headers.upgrade ?? "none"}`),
  );
  const { http } = await start(t, toEndpoints([endpoint]));
  const head =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n";
  assert.match(await raw(http, head), /^HTTP\/1\.1 200 .*upgrade: none/s);
});

test("a connection that sends no complete head is closed after a while", async (t) => {
  const { http } = await start(t, toEndpoints([]), { headersTimeoutMs: 200, checkIntervalMs: 50 });
  const socket = connect(http, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  socket.write("GET / HTTP/1.1\r\nHost:");
  await once(socket, "close");
  assert.match(answer, /^HTTP\/1\.1 408 /);
});

test("clients that reset their connections at any moment leave the ingress unharmed", async (t) => {
  const endpoint = await backend(t, (_, response) => {
    response.write("x".repeat(100_000));
  });
  const { http, server } = await start(t, toEndpoints([endpoint], { host: "here.test" }));
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n";
  const heads = [
    `GET / HTTP/1.1\r\nHost: gone.test\r\n${upgrade}\r\n`,
    `GET / HTTP/1.1\r\nHost: here.test\r\n${upgrade}\r\n`,
    `GET / HTTP/1.1\r\nHost: a/b\r\n${upgrade}\r\n`,
    "POST / HTTP/1.1\r\nHost: here.test\r\nContent-Length: 1000\r\n\r\npart",
    "GET / HTTP/1.1\r\nHost: here.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHo",
  ];
  for (let round = 0; round < 60; round++) {
    const socket = connect(http, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    await once(socket, "connect");
    socket.write(heads[round % heads.length]!);
    if (round % 3 === 1) await Promise.race([once(socket, "data"), once(socket, "close"), systemClock.sleep(10)]);
    socket.resetAndDestroy();
  }
  assert.ok(await until(() => server.stats().active === 0 && server.stats().activeUpgrades === 0));
  assert.match(await raw(http, "GET / HTTP/1.1\r\nHost: gone.test\r\nConnection: close\r\n\r\n"), /^HTTP\/1\.1 404 /);
});
