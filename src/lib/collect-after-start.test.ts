import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "./clock.ts";
import { collectAfterStart } from "./collect-after-start.ts";

test("what nothing holds any more is given back once the start is over", async () => {
  let due: (() => void) | undefined;
  const clock: Clock = {
    ...systemClock,
    timer: (_ms, callback) => {
      due = callback;
      return () => {};
    },
  };
  const garbage = new WeakRef({ of: "the start" });
  collectAfterStart({ clock });
  // A weak reference holds until its own turn of the event loop is over.
  await systemClock.sleep(0);
  assert.ok(garbage.deref() !== undefined);
  await systemClock.sleep(0);
  due?.();
  assert.equal(garbage.deref(), undefined);
  assert.equal(Reflect.get(globalThis, "gc"), undefined, "nobody else is given the means");
});
