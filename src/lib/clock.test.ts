import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { systemClock } from "./clock.ts";

const DAY_MS = 86_400_000;

test("a timer of more days than Node can hold waits for all of them", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    let rung = 0;
    systemClock.timer(60 * DAY_MS, () => (rung += 1));
    const cancel = systemClock.timer(30 * DAY_MS, () => (rung += 100));
    for (let day = 0; day < 29; day++) mock.timers.tick(DAY_MS);
    cancel();
    for (let day = 29; day < 59; day++) mock.timers.tick(DAY_MS);
    assert.equal(rung, 0);
    // What is armed within a tick counts from its end.
    for (let day = 59; day < 63; day++) mock.timers.tick(DAY_MS);
    assert.equal(rung, 1);
  } finally {
    mock.timers.reset();
  }
});

test("a sleep of more days than Node can hold does not end at once", async () => {
  const stop = new AbortController();
  const slept = systemClock.sleep(60 * DAY_MS, stop.signal).then(
    () => "slept",
    (error: Error) => error.message,
  );
  await systemClock.sleep(20);
  stop.abort(new Error("stopped"));
  assert.equal(await slept, "stopped");
});
