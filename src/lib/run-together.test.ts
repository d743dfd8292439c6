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

const badStop = {
  name: "store",
  run: (signal: AbortSignal) => untilStopped(signal).then(() => Promise.reject(new Error("no space left"))),
};

test("what fails while the parts stop is told with what stopped them", async () => {
  const broken = { name: "broken part", run: () => Promise.reject(new Error("no disk")) };
  await assert.rejects(runTogether([badStop, broken], new AbortController().signal), (error: Error) => {
    assert.equal(error.message, "Cannot go on without the broken part (Cannot stop the store: no space left)");
    assert.equal((error.cause as Error).message, "no disk");
    return true;
  });
});

test("what fails while the parts stop as they should is told", async () => {
  const stop = new AbortController();
  const running = runTogether([badStop, { ...badStop, name: "log" }], stop.signal);
  stop.abort();
  await assert.rejects(running, /^Error: Cannot stop the store: no space left; Cannot stop the log: no space left$/);
});

for (const [what, failure] of [
  ["the signal's reason", (signal: AbortSignal) => signal.reason as Error],
  ["a cause that is the signal's reason", (signal: AbortSignal) => new Error("cut off", { cause: signal.reason })],
  ["what Node's own work says", () => Object.assign(new Error("aborted"), { name: "AbortError" })],
] as const) {
  test(`a part that stops with ${what} has not failed`, async () => {
    const stop = new AbortController();
    const run = (signal: AbortSignal) => untilStopped(signal).then(() => Promise.reject(failure(signal)));
    const running = runTogether([{ name: "one", run }], stop.signal);
    stop.abort(new Error("enough"));
    await running;
  });
}
