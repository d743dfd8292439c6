import assert from "node:assert/strict";
import { test } from "node:test";
import { runTogether } from "./run-together.ts";

const untilStopped = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

test("all parts end with the signal, and that is no failure", async () => {
  const stop = new AbortController();
  const running = runTogether(
    [
      { name: "one", run: untilStopped },
      { name: "two", run: untilStopped },
    ],
    stop.signal,
  );
  stop.abort();
  await running;
});

test("a part that fails stops the others and is named", async () => {
  let stopped = false;
  const other = { name: "other", run: (signal: AbortSignal) => untilStopped(signal).then(() => void (stopped = true)) };
  const broken = { name: "broken part", run: () => Promise.reject(new Error("no disk")) };
  await assert.rejects(runTogether([other, broken], new AbortController().signal), (error: Error) => {
    assert.equal(error.message, "Cannot go on without the broken part");
    assert.equal((error.cause as Error).message, "no disk");
    return true;
  });
  assert.ok(stopped);
});

test("a part that ends before its time counts as failed", async () => {
  const short = { name: "short", run: () => Promise.resolve() };
  await assert.rejects(runTogether([short], new AbortController().signal), /short: it ended by itself/);
});
