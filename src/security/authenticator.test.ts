import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { openMemoryStore } from "../store/open-memory-store.ts";
import { ApiTokens } from "./api-tokens.ts";
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
