import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pushPullInterval, retransmitLimit, suspicionTime, suspicionTimeout } from "./formulas.ts";

/** What the Go library's own functions gave; the file says how. */
const golden = JSON.parse(
  readFileSync(new URL("../../../test/membership/fixtures/formulas.json", import.meta.url), "utf8"),
) as {
  timings: { n: number; suspicionMinMs: number; retransmits: number; pushPullMs: number }[];
  remaining: { n: number; k: number; elapsedMs: number; minMs: number; maxMs: number; remainingMs: number }[];
};

test("times and limits for every size of cluster are Go's", () => {
  assert.ok(golden.timings.length > 10);
  for (const { n, suspicionMinMs, retransmits, pushPullMs } of golden.timings) {
    assert.equal(Math.trunc(suspicionTimeout(4, n, 1000)), suspicionMinMs, `suspicion among ${n}`);
    assert.equal(retransmitLimit(4, n), retransmits, `retransmits among ${n}`);
    assert.equal(pushPullInterval(30_000, n), pushPullMs, `push/pull among ${n}`);
  }
});

test("confirmations shorten a suspicion as in Go", () => {
  for (const { n, k, elapsedMs, minMs, maxMs, remainingMs } of golden.remaining)
    assert.equal(suspicionTime(n, { wanted: k, min: minMs, max: maxMs }) - elapsedMs, remainingMs, `${n} of ${k}`);
});

test("without anybody to confirm, a suspicion takes the least time", () => {
  assert.equal(suspicionTime(0, { wanted: 0, min: 4000, max: 24_000 }), 4000);
});
