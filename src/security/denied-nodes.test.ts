import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../lib/clock.ts";
import { openMemoryStore } from "../store/open-memory-store.ts";
import { DeniedNodes } from "./denied-nodes.ts";

/** `after`: by how much its commands come later than those of others, in milliseconds. */
function member(after = 0) {
  const clock = { ...systemClock, now: () => systemClock.now() + after };
  const store = openMemoryStore({ clock });
  return { store, denied: new DeniedNodes({ store, clock }) };
}

const certificate = (memberSince: number) => ({ nodeName: "a", memberSince });

test("what was signed until the removal is refused, and what a later join brings is not", async () => {
  const { denied } = member();
  assert.equal(denied.until("a"), undefined);
  await denied.deny("a", 1000);
  assert.deepEqual(
    [999, 1000, 1001].map((at) => denied.isDenied(certificate(at))),
    [true, true, false],
  );
  await denied.deny("a", 500);
  assert.equal(denied.until("a"), 1000);
});

test("of two removals of which neither member knew the other's, both keep the later one", async () => {
  const [one, other] = [member(), member(1000)];
  await one.denied.deny("a", 9000);
  await other.denied.deny("a", 10_000);
  await one.store.apply([...other.store.states()]);
  await other.store.apply([...one.store.states()]);
  assert.deepEqual([one.denied.until("a"), other.denied.until("a")], [10_000, 10_000]);
});
