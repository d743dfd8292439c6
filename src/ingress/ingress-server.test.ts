import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "../lib/clock.ts";
import { backend, bodyOf, deadEndpoint, raw, start, toEndpoints, until } from "./ingress-fixture.ts";
import type { IngressEndpoint } from "./snapshot.ts";

test("a request reaches the endpoint with the forwarding headers, and its answer comes back", async (t) => {
  const endpoint = await backend(t, async (request, response) => {
    const body = (await bodyOf(request)).toString();
    response.setHeader("x-answer", ["1", "2"]);
    response.setHeader("connection", "keep-alive, x-private");
    response.setHeader("x-private", "1");
    response.statusCode = 201;
    response.end(JSON.stringify({ url: request.url, headers: request.headers, body }));
  });
  const { http, server } = await start(t, toEndpoints([endpoint]));
  const answer = await raw(
    http,
    "POST /path/%41?q=1 HTTP/1.1\r\nHost: Shop.test:8080\r\nContent-Length: 4\r\nX-Forwarded-For: 6.6.6.6\r\n" +
      "X-Request-Id: abc-1\r\nConnection: close, x-hop, content-length\r\nX-Hop: 1\r\nTE: trailers\r\nProxy: evil\r\n\r\nbody",
  );
  const [head = "", text = ""] = answer.split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 201 Created/);
  assert.match(head, /x-answer: 1\r\nx-answer: 2/);
  assert.doesNotMatch(head, /x-private/i);
  const seen = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as {
    url: string;
    body: string;
    headers: Record<string, string>;
  };
  assert.equal(seen.url, "/path/%41?q=1");
  assert.equal(seen.body, "body");
  const { headers } = seen;
  assert.deepEqual(
    [headers.host, headers["x-forwarded-for"], headers["x-forwarded-proto"], headers["x-forwarded-host"]],
    ["Shop.test:8080", "127.0.0.1", "http", "Shop.test:8080"],
  );
  assert.deepEqual([headers["x-forwarded-port"], headers["x-request-id"]], ["8080", "abc-1"]);
  for (const name of ["x-hop", "te", "proxy"]) assert.equal(headers[name], undefined, name);
  assert.equal(server.stats().requests, 1);
});

test("our own pages come in the form that is asked for: 404 without a rule, 503 without an endpoint", async (t) => {
  const { http } = await start(t, toEndpoints([], { path: "/app" }));
  const get = (path: string, accept: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${http}${path}`, { headers: { accept } });
  const html = await get("/", "text/html,*/*");
  assert.deepEqual([html.status, html.headers.get("content-type")], [404, "text/html; charset=utf-8"]);
  assert.match(await html.text(), /<h1>404 Not found/);
  const json = await get("/app/x", "application/json");
  assert.equal(json.status, 503);
  assert.equal(((await json.json()) as { status: number }).status, 503);
  const plain = await get("/", "*/*");
  assert.match(await plain.text(), /^404 Not found: .*\n$/);
});

test("requests take turns over the endpoints of this node, and go elsewhere only when there are none", async (t) => {
  const named = (name: string, local: boolean): Promise<IngressEndpoint> =>
    backend(t, (_, response) => response.end(name)).then((endpoint) => ({ ...endpoint, local }));
  const [a, b, far] = [await named("a", true), await named("b", true), await named("far", false)];
  const { http, server } = await start(t, toEndpoints([far, a, b]));
  const get = async (): Promise<string> => (await fetch(`http://127.0.0.1:${http}/`)).text();
  assert.deepEqual([await get(), await get(), await get(), await get()], ["a", "b", "a", "b"]);
  server.apply(toEndpoints([far]));
  assert.equal(await get(), "far");
  assert.equal(server.stats().pools, 1);
});

test("another endpoint is tried when one cannot be reached, bodies included; 503 when none can", async (t) => {
  const good = await backend(t, async (request, response) => response.end(await bodyOf(request)));
  const dead = deadEndpoint();
  const { http, server } = await start(t, toEndpoints([dead, good]));
  for (let round = 0; round < 4; round++) {
    const answer = await fetch(`http://127.0.0.1:${http}/`, { method: "POST", body: `round ${round}` });
    assert.deepEqual([answer.status, await answer.text()], [200, `round ${round}`]);
  }
  assert.ok(server.stats().retries >= 2);
  server.apply(toEndpoints([dead]));
  assert.equal((await fetch(`http://127.0.0.1:${http}/`)).status, 503);
});

test("an upstream that breaks off gives 502 before its answer and a broken answer within", async (t) => {
  const endpoint = await backend(t, (request, response) => {
    if (request.url === "/early") return void request.socket.destroy();
    response.writeHead(200, { "content-length": 100 });
    response.write("half");
    void until(() => response.writableLength === 0).then(() => request.socket.destroy());
  });
  const { http } = await start(t, toEndpoints([endpoint]));
  assert.equal((await fetch(`http://127.0.0.1:${http}/early`)).status, 502);
  const cut = await fetch(`http://127.0.0.1:${http}/late`);
  await assert.rejects(cut.text());
});

test("an upstream that is silent gives 504", async (t) => {
  const endpoint = await backend(t, () => {});
  const { http } = await start(t, toEndpoints([endpoint]), { idleTimeoutMs: 300 });
  assert.equal((await fetch(`http://127.0.0.1:${http}/`)).status, 504);
});

test("a client that goes away ends the upstream's request too", async (t) => {
  let started = 0;
  let aborted = 0;
  const endpoint = await backend(t, (request, response) => {
    started += 1;
    response.once("close", () => {
      aborted += 1;
    });
    if (request.url === "/stream") response.write("first");
  });
  const { http, server } = await start(t, toEndpoints([endpoint]));
  for (const [index, path] of ["/silent", "/stream"].entries()) {
    const controller = new AbortController();
    const going = fetch(`http://127.0.0.1:${http}${path}`, { signal: controller.signal }).then((answer) =>
      answer.text(),
    );
    const failed = assert.rejects(going);
    assert.ok(await until(() => started === index + 1));
    controller.abort();
    await failed;
    assert.ok(await until(() => aborted === index + 1), path);
  }
  assert.ok(await until(() => server.stats().active === 0));
});

test("large bodies stream both ways, and a slow reader holds the upstream back", async (t) => {
  const size = 24 * 1024 * 1024;
  let sent = 0;
  const endpoint = await backend(t, async (request, response) => {
    if (request.method === "POST") {
      let length = 0;
      for await (const chunk of request) length += (chunk as Buffer).length;
      return void response.end(String(length));
    }
    const chunk = Buffer.alloc(65_536);
    for (; sent < size; sent += chunk.length) if (!response.write(chunk)) await once(response, "drain");
    response.end();
  });
  const { http } = await start(t, toEndpoints([endpoint]));
  const upload = await fetch(`http://127.0.0.1:${http}/`, { method: "POST", body: Buffer.alloc(size) });
  assert.equal(await upload.text(), String(size));

  const download = httpRequest({ port: http, path: "/" }).end();
  const [answer] = (await once(download, "response")) as [IncomingMessage];
  // It stands still once the buffers in between are full.
  let held = -1;
  let still = 0;
  await until(() => {
    still = sent > 0 && sent === held ? still + 1 : 0;
    held = sent;
    return still === 20;
  });
  assert.ok(held < size, `all ${held} bytes were taken from the upstream while the client read none`);
  let received = 0;
  for await (const chunk of answer) received += (chunk as Buffer).length;
  assert.equal(received, size);
});

test("a stream's chunks arrive as they are made", async (t) => {
  const next = Promise.withResolvers<void>();
  const endpoint = await backend(t, async (_, response) => {
    response.write("one");
    await next.promise;
    response.end("two");
  });
  const { http } = await start(t, toEndpoints([endpoint]));
  const answer = await fetch(`http://127.0.0.1:${http}/`);
  const reader = answer.body!.getReader();
  assert.equal(Buffer.from((await reader.read()).value!).toString(), "one");
  next.resolve();
  assert.equal(Buffer.from((await reader.read()).value!).toString(), "two");
});

test("ambiguous and improper requests are refused and never reach the upstream", async (t) => {
  const seen: string[] = [];
  const endpoint = await backend(t, (request, response) => {
    seen.push(request.url ?? "");
    response.end("ok");
  });
  const { http } = await start(t, toEndpoints([endpoint]), { maxHeaderBytes: 8192 });
  const chunked = "Transfer-Encoding: chunked\r\n";
  const cases: [string, string, number][] = [
    ["both framings", `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n${chunked}\r\n0\r\n\r\nG`, 400],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400],
    ["odd coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400],
    ["space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["bad host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
    ["bad length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400],
    ["trace", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405],
    ["asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["large head", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(9000)}\r\n\r\n`, 431],
  ];
  for (const [what, text, status] of cases) {
    assert.match(await raw(http, text), new RegExp(`^HTTP/1\\.1 ${status} `), what);
  }
  assert.deepEqual(seen, []);
  assert.match(await raw(http, "GET http://b.test/abs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), / 200 OK/);
  assert.match(await raw(http, "GET /old HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 OK(?!.*chunked)/s);
  assert.deepEqual(seen, ["/abs", "/old"]);
});

test("a handed listener is served", async (t) => {
  const endpoint = await backend(t, (_, response) => response.end("ok"));
  const handed = createServer().listen(0, "127.0.0.1");
  await once(handed, "listening");
  const { port } = handed.address() as AddressInfo;
  // Connected before the ingress takes over, at the first turn that the handed server accepts it.
  const first = raw(port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const { server } = await start(t, toEndpoints([endpoint]), { http: handed });
  assert.match(await first, /^HTTP\/1\.1 200 .*ok$/s);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "ok");
  assert.ok(await until(() => server.stats().statuses["200"] === 2));
});

test("reconfiguration under load drops no request, not even those of endpoints that go", async (t) => {
  const slow = (name: string): Promise<IngressEndpoint> =>
    backend(t, (_, response) => {
      response.write(name);
      systemClock.timer(3, () => response.end("."));
    });
  const endpoints = await Promise.all(["a", "b", "c"].map(slow));
  const { http, server } = await start(t, toEndpoints(endpoints));
  // Counted, not timed: a slow machine takes longer for the same requests and the same number of changes among them.
  const [CLIENTS, EACH] = [16, 15];
  let answered = 0;
  const client = async (): Promise<void> => {
    for (let sent = 0; sent < EACH; sent++) {
      const answer = await fetch(`http://127.0.0.1:${http}/`);
      assert.equal(answer.status, 200);
      assert.match(await answer.text(), /^[abc]\.$/);
      answered += 1;
    }
  };
  let open = true;
  const clients = Promise.all(Array.from({ length: CLIENTS }, client)).finally(() => (open = false));
  let round = 0;
  for (; open; round++) {
    server.apply(toEndpoints([endpoints[round % 3]!]));
    await systemClock.sleep(4);
  }
  await clients;
  assert.equal(answered, CLIENTS * EACH);
  assert.ok(round >= 3, "every endpoint went away at least once while requests were under way");
  assert.equal((await fetch(`http://127.0.0.1:${http}/`)).status, 200, "the last endpoint serves");
  assert.ok(await until(() => server.stats().drainingPools === 0));
  assert.equal(server.stats().pools, 1);
});

test("stopping lets a request under way end", async (t) => {
  const go = Promise.withResolvers<void>();
  const endpoint = await backend(t, async (_, response) => {
    await go.promise;
    response.end("done");
  });
  const { http, stop, running, server } = await start(t, toEndpoints([endpoint]), { drainMs: 5000 });
  const answer = fetch(`http://127.0.0.1:${http}/`);
  assert.ok(await until(() => server.stats().active === 1));
  stop.abort();
  go.resolve();
  assert.equal(await (await answer).text(), "done");
  await running;
});

test("until the first snapshot the answer is 503, not that a page does not exist", async (t) => {
  const { http, server } = await start(t, undefined);
  assert.equal((await fetch(`http://127.0.0.1:${http}/`)).status, 503);
  server.apply(toEndpoints([], { path: "/app" }));
  assert.equal((await fetch(`http://127.0.0.1:${http}/`)).status, 404);
});
