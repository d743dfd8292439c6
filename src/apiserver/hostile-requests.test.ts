import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../test/poll.ts";
import { serveInMemory } from "./api-server.fixture.ts";

const path = "/api/v1/namespaces/default/configmaps";

test("without authentication a web page on this host is still refused", async () => {
  await using server = await serveInMemory();
  for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
    assert.equal((await fetch(`${server.url}${path}`, { headers })).status, 403);
  }
  const answerTo = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request(`${server.url}${path}`, { headers: { host } }, (answer) =>
        resolve(answer.resume().statusCode),
      );
      asked.on("error", reject).end();
    });
  for (const host of ["localhost", "localhost:8080", "127.0.0.1", "[::1]:8080"])
    assert.equal(await answerTo(host), 200);
  const rebound = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "x@localhost",
  ];
  for (const host of rebound) assert.equal(await answerTo(host), 403, host);
});

test("strangers do not fill the audit log", async () => {
  await using server = await serveInMemory({ authenticateLoopback: true });
  const ask = async (): Promise<unknown> => (await fetch(`${server.url}/${"x".repeat(5000)}`)).text();
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 20 }, ask));
  const { token } = await server.tokens.create("t", 0);
  const body = JSON.stringify({ metadata: { name: "last" } });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  await fetch(`${server.url}/api/v1/namespaces`, { method: "POST", headers, body });
  const text = await eventually(async () => {
    const read = await readFile(join(server.directory, "audit.log"), "utf8");
    return read.includes('"code":201') ? read : undefined;
  });
  assert.equal(text.trim().split("\n").length, 301);
  assert.ok(text.length < 500_000);
});

test("a path that cannot be decoded is the client's fault everywhere", async () => {
  await using server = await serveInMemory();
  for (const path of ["tokens/%zz", "services/%E0%A4%A/x/endpoints", "deployments/%zz/x", "manifests/%/x", "%"]) {
    const answer = await fetch(`${server.url}/api/v1/${path}`);
    assert.equal(answer.status, 400, path);
  }
});

test("a view that only JavaScript's objects know is not served", async () => {
  await using server = await serveInMemory();
  for (const as of ["constructor", "__proto__", "toString"]) {
    const headers = { accept: `application/json;as=${as};g=meta.k8s.io;v=v1` };
    const answer = await fetch(`${server.url}/api/v1/namespaces`, { headers });
    assert.equal(answer.status, 406, as);
  }
});

test("a hundred thousand warnings are a few, and say that they were more", async () => {
  await using server = await serveInMemory();
  const fields = Array.from({ length: 100_000 }, (_, at) => [`f${at}`, 1]);
  const body = JSON.stringify({ metadata: { name: "a" }, ...Object.fromEntries(fields) });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${server.url}${path}`, { method: "POST", headers, body });
  assert.equal(answer.status, 201);
  assert.match(answer.headers.get("warning") ?? "", /unknown field .*f0.*and 99984 more warnings/);
});
