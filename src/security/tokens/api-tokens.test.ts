import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { ApiTokens } from "./api-tokens.ts";
import { FailureLimit } from "../failure-limit.ts";

function setUp() {
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const store = openMemoryStore();
  const tokens = new ApiTokens({ store, clock, log: silentLogger });
  return { store, tokens, pass: (seconds: number) => void (offset += seconds * 1000) };
}

test("a token is known by its secret alone, which is stored nowhere", async () => {
  const { tokens, store } = setUp();
  const { id, token } = await tokens.create("ci", 0);
  assert.equal(tokens.verify(token)?.id, id);
  assert.equal(tokens.verify(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`), undefined);
  assert.equal(tokens.verify("psw_0000000000_" + "A".repeat(43)), undefined);
  assert.equal(tokens.verify(""), undefined);
  const kept = store.list("apitokens.podman-swarm.io").entries.map((entry) => entry.json().toString());
  assert.equal(kept.length, 1);
  assert.doesNotMatch(kept[0] ?? "", new RegExp(token.slice(15)));
});

test("an expired token is refused at once and removed later", async () => {
  const { tokens, pass } = setUp();
  const { token } = await tokens.create("short", 60);
  await tokens.create("long", 0);
  pass(61);
  assert.equal(tokens.verify(token), undefined);
  await tokens.removeExpired();
  assert.deepEqual(
    tokens.list().map(({ name }) => name),
    ["long"],
  );
});

test("the first token is made once and written where only the owner reads it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "tokens-test-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "api-token");
  const { tokens } = setUp();
  assert.equal(await tokens.ensureFirst({ file }), file);
  const token = (await readFile(file, "utf8")).trim();
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(tokens.verify(token)?.name, "admin");
  assert.equal(await tokens.ensureFirst({ file }), undefined);
  await tokens.ensureFirst({ file, chosen: "a-long-token-of-my-own" });
  assert.equal(tokens.verify("a-long-token-of-my-own")?.name, "admin");
  assert.equal(tokens.verify(token), undefined);
  await assert.rejects(tokens.ensureFirst({ file, chosen: "short" }), /must have at least 16 characters/);
});

test("a source that fails too often must wait, and others need not", () => {
  let now = 0;
  const limit = new FailureLimit({ ...systemClock, monotonic: () => now }, { allowed: 3, windowMs: 1000, sources: 2 });
  for (let n = 1; n <= 3; n++) {
    assert.equal(limit.waitMs("a"), 0);
    assert.equal(limit.failed("a"), n);
  }
  assert.equal(limit.waitMs("a"), 1000);
  assert.equal(limit.waitMs("b"), 0);
  now = 1001;
  assert.equal(limit.waitMs("a"), 0);
  assert.equal(limit.failed("a"), 1);
});
