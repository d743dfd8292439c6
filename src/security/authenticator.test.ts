import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { openMemoryStore } from "../store/open-memory-store.ts";
import { ApiTokens } from "./tokens/api-tokens.ts";
import { Authenticator } from "./authenticator.ts";

/** A request over plain HTTP. */
function plain(remoteAddress: string, headers: Record<string, string> = { host: "localhost" }): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), "remoteAddress", { value: remoteAddress });
  return Object.assign(new IncomingMessage(socket), { headers });
}

test("without authentication only this host is trusted, whatever Host another one names", async () => {
  const deps = { clock: systemClock, log: silentLogger };
  const tokens = new ApiTokens({ store: openMemoryStore(), ...deps });
  const authenticator = new Authenticator({ tokens, ...deps }, { authenticateLoopback: false });
  for (const near of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    assert.equal(authenticator.authenticate(plain(near)).name, "local", near);
  }
  for (const far of ["10.42.0.7", "192.0.2.1", "2001:db8::1", "::ffff:10.0.0.1", "1.127.0.1", ""]) {
    assert.throws(() => authenticator.authenticate(plain(far)), { reason: "Forbidden" }, far);
  }
  const { token } = await tokens.create("far", 0);
  const known = plain("192.0.2.1", { host: "node", authorization: `Bearer ${token}` });
  assert.equal(authenticator.authenticate(known).name, "token:far");
});

test("a token that was revoked, tried again and again, keeps nobody else out who is at the same address", async () => {
  let now = 0;
  const clock = { ...systemClock, monotonic: () => now };
  const refused: unknown[] = [];
  const log = { ...silentLogger, warn: (...told: unknown[]) => void refused.push(told) };
  const tokens = new ApiTokens({ store: openMemoryStore(), clock, log });
  const authenticator = new Authenticator({ tokens, clock, log });
  const by = (token: string) => () =>
    authenticator.authenticate(plain("192.0.2.1", { host: "node", authorization: `Bearer ${token}` })).name;
  const [old, good] = [await tokens.create("old", 0), await tokens.create("good", 0)];
  await tokens.remove(old.id);
  for (let n = 0; n < 100; n += 1) assert.throws(by(old.token), { reason: "Unauthorized" });
  assert.equal(by(good.token)(), "token:good");
  assert.equal(refused.length, 1);
  for (let n = 1; n < 20; n += 1) assert.throws(by(`guess-${n}`), { reason: "Unauthorized" });
  for (const token of [old.token, good.token, "another"]) assert.throws(by(token), { reason: "TooManyRequests" });
  now += 60_000;
  assert.equal(by(good.token)(), "token:good");
  assert.throws(by(old.token), { reason: "Unauthorized" });
});
