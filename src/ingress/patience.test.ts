import assert from "node:assert/strict";
import { test } from "node:test";
import { Patience } from "./patience.ts";

const PACE = { graceMs: 60_000, bytesPerSecond: 240 };

/** After how many seconds a sender of this many bytes each so many seconds is given up; undefined: not in a day. */
function givenUpAfter({ bytes, everyS }: { bytes: number; everyS: number }): number | undefined {
  const patience = new Patience(PACE);
  for (let now = 0; now < 86_400; now += everyS) {
    patience.wait(now * 1000);
    const left = patience.left(now * 1000) / 1000;
    if (left <= everyS) return now + left;
    patience.take((now + everyS) * 1000, bytes);
  }
  return undefined;
}

test("a sender that keeps the rate is waited for without end, however its bytes are spread", () => {
  for (const everyS of [1, 10, 59]) assert.equal(givenUpAfter({ bytes: 240 * everyS, everyS }), undefined, `${everyS}`);
  assert.equal(givenUpAfter({ bytes: 1_000_000, everyS: 60 }), 60);
});

test("silence ends after the grace, a drip soon after it, and half the rate after twice the grace", () => {
  assert.equal(givenUpAfter({ bytes: 0, everyS: 1 }), 60);
  assert.equal(Math.ceil(givenUpAfter({ bytes: 1, everyS: 1 })!), 61);
  assert.equal(givenUpAfter({ bytes: 1, everyS: 59 })! < 61, true);
  assert.equal(givenUpAfter({ bytes: 120, everyS: 1 }), 119);
});

test("what was sent fast before buys no time later, and what is not waited for costs none", () => {
  const patience = new Patience(PACE);
  patience.wait(0);
  patience.take(1000, 1_000_000_000);
  assert.equal(patience.left(1000), 60_000);
  assert.equal(patience.left(1_000_000), 60_000);
  patience.wait(1_000_000);
  patience.wait(1_010_000);
  assert.equal(patience.left(1_020_000), 40_000);
  patience.refill(1_020_000);
  assert.equal(patience.left(1_030_000), 50_000);
});
