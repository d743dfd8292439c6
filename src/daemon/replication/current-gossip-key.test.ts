import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { CurrentGossipKey } from "./current-gossip-key.ts";

const key = (fill: number): Buffer => Buffer.alloc(32, fill);

/** `after`: by how much its commands come later than those of others, in milliseconds. */
function member(after = 0) {
  const clock = { ...systemClock, now: () => systemClock.now() + after };
  const store = openMemoryStore({ clock });
  return { store, current: new CurrentGossipKey({ store, replica: store }) };
}

test("until a key was replaced every key may be the cluster's, afterwards the new one only", async () => {
  const { store, current } = member();
  assert.equal(current.get(), undefined);
  assert.ok(current.is(key(1)));
  await current.set(key(2), 1000);
  assert.deepEqual(
    [key(1), key(2), undefined].map((one) => current.is(one)),
    [false, true, false],
  );
  assert.ok(!JSON.stringify([...store.states()]).includes(key(2).toString("hex")), "it is known by a name");
});

test("two that were parted and replaced it both agree on the one that came later", async () => {
  for (const order of [
    [1, 2],
    [2, 1],
  ] as const) {
    const [one, other] = [member(), member(1000)];
    await one.current.set(key(order[0]), 1000);
    await other.current.set(key(order[1]), 2000);
    await one.store.apply([...other.store.states()]);
    await other.store.apply([...one.store.states()]);
    for (const { current } of [one, other]) assert.ok(current.is(key(order[1])));
  }
});
