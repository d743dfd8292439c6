import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { AuditLimit } from "./audit-limit.ts";

test("of many records a few are written, and the next window tells how many were not", () => {
  let now = 5;
  const limit = new AuditLimit({ ...systemClock, monotonic: () => now }, { most: 2, windowMs: 100 });
  assert.deepEqual([limit.take(), limit.take(), limit.take(), limit.take()], [0, 0, undefined, undefined]);
  now = 104;
  assert.equal(limit.take(), undefined);
  now = 105;
  assert.deepEqual([limit.take(), limit.take(), limit.take()], [3, 0, undefined]);
});
