import assert from "node:assert/strict";
import { test } from "node:test";
import { crashDelay, grow, type BackOff } from "./back-off.ts";

test("a container that keeps failing is started at once, then after 10 s, doubled to 5 minutes", () => {
  const waits: number[] = [];
  let before: BackOff | undefined;
  for (let crash = 0; crash < 8; crash += 1) {
    const { waitMs, next } = crashDelay(before, { startedAt: 0, finishedAt: 100 });
    waits.push(waitMs / 1000);
    before = next;
  }
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
});

test("a run of ten minutes makes the next crash a first one", () => {
  const before = { delayMs: 160_000, at: 0 };
  assert.equal(crashDelay(before, { startedAt: 0, finishedAt: 600_000 }).waitMs, 0);
  assert.equal(crashDelay(before, { startedAt: 0, finishedAt: 599_999 }).waitMs, 160_000);
});

test("pulls are backed off from 10 s to 5 minutes", () => {
  let before: BackOff | undefined;
  const delays = Array.from({ length: 7 }, () => (before = grow(before, 0)).delayMs / 1000);
  assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300]);
});
