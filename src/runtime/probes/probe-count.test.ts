import assert from "node:assert/strict";
import { test } from "node:test";
import { countProbe, NO_RESULTS } from "./probe-count.ts";

test("a verdict needs its threshold of equal results in a row", () => {
  const thresholds = { successThreshold: 2, failureThreshold: 3 };
  let count = NO_RESULTS;
  const verdicts = [true, true, false, false, true, false, false, false, true, true].map((ok) => {
    const next = countProbe(count, ok, thresholds);
    count = next.count;
    return next.verdict;
  });
  const none = undefined;
  assert.deepEqual(verdicts, [none, true, none, none, none, none, none, false, none, true]);
});
