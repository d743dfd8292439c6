import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./clock.ts";
import { pause } from "./pause.ts";

test("a pause ends with its time", async () => {
  const start = systemClock.monotonic();
  await pause(systemClock, 20, new AbortController().signal);
  assert.ok(systemClock.monotonic() - start >= 19);
});

test("a pause ends with its signal, whether that is aborted before or meanwhile", async () => {
  const stop = new AbortController();
  const paused = pause(systemClock, 60_000, stop.signal);
  stop.abort(new Error("stopped"));
  await paused;
  await pause(systemClock, 60_000, stop.signal);
});

test("a clock that fails is no end of a pause", async () => {
  const broken = { sleep: () => Promise.reject(new Error("no time")) };
  await assert.rejects(pause(broken, 1, new AbortController().signal), /no time/);
});
