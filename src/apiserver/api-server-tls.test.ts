import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../test/poll.ts";
import { systemClock } from "../lib/clock.ts";
import type { KeyPair } from "../security/certificates/ca-material.ts";
import { ClusterAuthority } from "../security/certificates/cluster-authority.ts";
import { serveInMemory } from "./api-server.fixture.ts";

type Served = Awaited<ReturnType<typeof serveInMemory>>;

async function call(server: Served, options: { pair?: KeyPair; token?: string; path?: string }) {
  const { pair, token, path = "/api/v1/namespaces" } = options;
  return new Promise<{ code: number; text: string }>((resolve, reject) => {
    const asked = request({
      host: "127.0.0.1",
      port: server.httpsPort,
      path,
      agent: false,
      ca: server.authority.certificate,
      ...(pair ? { cert: pair.certificate, key: pair.key } : {}),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    asked.on("error", reject).on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve({ code: response.statusCode ?? 0, text }));
    });
    asked.end();
  });
}

test("HTTPS asks everyone who they are: certificate, token, or refusal", async () => {
  await using server = await serveInMemory();
  const client = (organizations: string[]): KeyPair =>
    server.authority.issue({ usage: "client", commonName: "someone", organizations, days: 1 });
  assert.equal((await call(server, {})).code, 401);
  assert.equal((await call(server, { pair: client(["system:masters"]) })).code, 200);
  const stranger = await call(server, { pair: client(["guests"]) });
  assert.equal(stranger.code, 403);
  assert.match(stranger.text, /User \\"someone\\" cannot get path/);
  const { token } = await server.tokens.create("t", 0);
  assert.equal((await call(server, { token })).code, 200);
  assert.equal((await call(server, { path: "/healthz" })).code, 200);
});

test("a certificate of another authority is nobody's", async () => {
  await using server = await serveInMemory();
  const other = await ClusterAuthority.open({ directory: join(server.directory, "other"), clock: systemClock });
  const pair = other.issue({ usage: "client", commonName: "x", organizations: ["system:masters"], days: 1 });
  assert.equal((await call(server, { pair })).code, 401);
  const mine = server.authority.issue({ usage: "server", commonName: "x", organizations: ["system:masters"], days: 1 });
  assert.equal((await call(server, { pair: mine })).code, 401, "a server's certificate is no client's");
});

test("a certificate that is over or not yet valid is nobody's", async () => {
  await using server = await serveInMemory();
  const masters = ["system:masters"];
  const at = async (now: number): Promise<KeyPair> => {
    const clock = { ...systemClock, now: () => now };
    const authority = await ClusterAuthority.open({ directory: server.directory, clock });
    return authority.issue({ usage: "client", commonName: "x", organizations: masters, days: 1 });
  };
  const day = 86_400_000;
  const now = systemClock.now();
  assert.equal((await call(server, { pair: await at(now) })).code, 200);
  assert.equal((await call(server, { pair: await at(now - 2 * day) })).code, 401, "expired");
  assert.equal((await call(server, { pair: await at(now + 2 * day) })).code, 401, "not yet valid");
  const { token } = await server.tokens.create("t", 0);
  assert.equal((await call(server, { pair: await at(now - 2 * day), token })).code, 200, "but a token counts");
});

test("a token is read in one way only", async () => {
  await using server = await serveInMemory();
  const { token } = await server.tokens.create("t", 0);
  for (const wrong of [`${token} x`, `x ${token}`, token.toUpperCase(), token.slice(0, -1), `${token}=`, ""]) {
    assert.equal((await call(server, { token: wrong })).code, 401, wrong.replace(token, "TOKEN"));
  }
});

test("whoever guesses tokens has to wait", async () => {
  await using server = await serveInMemory();
  for (let n = 0; n < 20; n++) assert.equal((await call(server, { token: `guess-${n}` })).code, 401);
  const limited = await call(server, { token: "guess-20" });
  assert.equal(limited.code, 429);
  assert.match(limited.text, /"retryAfterSeconds":\d+/);
});

test("changes and refusals are in the audit log, without secrets", async () => {
  await using server = await serveInMemory();
  const { token } = await server.tokens.create("t", 0);
  await call(server, { token: "psw_wrong" });
  await call(server, { token });
  const headers = { "content-type": "application/json" };
  await fetch(`${server.url}/api/v1/namespaces`, { method: "POST", headers, body: '{"metadata":{"name":"n"}}' });
  const file = join(server.directory, "audit.log");
  const text = await eventually(async () => {
    const all = await readFile(file, "utf8");
    return all.includes('"code":201') && all;
  });
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { method: string; code: number; user: string });
  assert.deepEqual(
    lines.map(({ method, code, user }) => [method, code, user]),
    [
      ["GET", 401, ""],
      ["POST", 201, "local"],
    ],
  );
  assert.doesNotMatch(text, /psw_/);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test("a socket that someone else has bound is served", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const handle = (holder as unknown as { _handle: object })._handle;
  await using server = await serveInMemory({ plainHandle: handle });
  const { port } = holder.address() as { port: number };
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
  assert.ok(server.httpsPort > 0);
});
