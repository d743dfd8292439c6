import assert from "node:assert/strict";
import { test } from "node:test";
import { afterDeath } from "./restart-delay.ts";

test("early deaths in a row wait longer and longer, up to ten seconds", () => {
  let deaths = { early: 0 };
  const delays = Array.from({ length: 10 }, () => {
    const next = afterDeath(deaths, 50);
    deaths = next.deaths;
    return next.delayMs;
  });
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test("a child that lived for a while restarts at once and starts counting anew", () => {
  assert.deepEqual(afterDeath({ early: 7 }, 10_000), { deaths: { early: 0 }, delayMs: 0 });
});
