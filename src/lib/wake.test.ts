import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./clock.ts";
import { Wake } from "./wake.ts";

const HOUR_MS = 3_600_000;

test("a sleep ends with its time, with a ring and with its signal", async () => {
  const wake = new Wake(systemClock);
  const stop = new AbortController();
  assert.equal(await wake.sleep(5, stop.signal), false);
  const rung = wake.sleep(HOUR_MS, stop.signal);
  wake.ring();
  assert.equal(await rung, true);
  const stopped = wake.sleep(undefined, stop.signal);
  stop.abort();
  assert.equal(await stopped, false);
  await wake.sleep(HOUR_MS, stop.signal);
});

test("a ring while nobody sleeps ends the next sleep, and only that", async () => {
  const wake = new Wake(systemClock);
  const stop = new AbortController();
  wake.ring();
  wake.ring();
  await wake.sleep(HOUR_MS, stop.signal);
  let over = false;
  const second = wake.sleep(HOUR_MS, stop.signal).then(() => (over = true));
  await new Promise(setImmediate);
  assert.equal(over, false);
  stop.abort();
  await second;
});
