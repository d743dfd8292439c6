import assert from "node:assert/strict";
import { test } from "node:test";
import { graceOf } from "./grace.ts";

const NOW = 1_800_000_000_000;

const cases: readonly { name: string; given?: number; leftMs?: number; gone?: true; grace: number }[] = [
  { name: "evicted", grace: 30 },
  { name: "deleted", given: 60, grace: 60 },
  { name: "being stopped for a while", given: 60, leftMs: 40_500, grace: 41 },
  { name: "past its deadline", given: 60, leftMs: -1, grace: 0 },
  { name: "being stopped by a clock that was put back", given: 60, leftMs: 90_000, grace: 60 },
  { name: "deleted again with less", given: 1, leftMs: 40_000, grace: 1 },
  { name: "gone from the store", gone: true, grace: 2 },
];

for (const { name, given, leftMs, gone = false, grace } of cases) {
  test(`a pod that is ${name} has ${grace} s left`, () => {
    const metadata = given === undefined ? {} : { deletionGracePeriodSeconds: given };
    const deadline = leftMs === undefined ? undefined : NOW + leftMs;
    assert.equal(graceOf({ metadata, spec: { containers: [] } }, { gone, deadline, now: NOW }), grace);
  });
}
