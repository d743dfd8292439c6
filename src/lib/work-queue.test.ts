import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "./clock.ts";
import { WorkQueue } from "./work-queue.ts";

function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  let timers: { at: number; callback: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    sleep: () => Promise.reject(new Error("not used")),
    timer: (ms, callback) => {
      const entry = { at: now + ms, callback };
      timers.push(entry);
      return () => void (timers = timers.filter((timer) => timer !== entry));
    },
    advance: (ms) => {
      now += ms;
      const due = timers.filter((timer) => timer.at <= now);
      timers = timers.filter((timer) => timer.at > now);
      for (const timer of due) timer.callback();
    },
  };
}

test("a key added twice is taken once", () => {
  const queue = new WorkQueue({ clock: manualClock() });
  queue.add("a");
  queue.add("a");
  assert.equal(queue.take(), "a");
  assert.equal(queue.take(), undefined);
});

test("a key added while it is worked on comes back when that worker is done", () => {
  const queue = new WorkQueue({ clock: manualClock() });
  queue.add("a");
  assert.equal(queue.take(), "a");
  queue.add("a");
  assert.equal(queue.take(), undefined);
  queue.done("a");
  assert.equal(queue.take(), "a");
  queue.done("a");
  assert.ok(queue.idle);
});

test("back-off doubles up to its cap and starts anew after forget", () => {
  const queue = new WorkQueue({ clock: manualClock() }, { baseDelayMs: 10, maxDelayMs: 50 });
  assert.deepEqual(
    Array.from({ length: 4 }, () => queue.retry("a")),
    [10, 20, 40, 50],
  );
  queue.forget("a");
  assert.equal(queue.retry("a"), 10);
});

test("of several waits for one key the shortest counts", () => {
  const clock = manualClock();
  const queue = new WorkQueue({ clock });
  queue.addAfter("a", 100);
  queue.addAfter("a", 20);
  queue.addAfter("a", 200);
  clock.advance(20);
  assert.equal(queue.take(), "a");
  queue.done("a");
  clock.advance(500);
  assert.equal(queue.take(), undefined);
});
