import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMilli, parseQuantity } from "./quantity.ts";

test("quantities are numbers of their unit", () => {
  const cases: [string, number | undefined][] = [
    ["1", 1],
    ["250m", 0.25],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["2k", 2000],
    ["1e3", 1000],
    ["12E", 12e18],
    [".5", 0.5],
    ["", undefined],
    ["1 Gi", undefined],
    ["Gi", undefined],
  ];
  for (const [text, want] of cases) assert.equal(parseQuantity(text), want, text);
});

test("thousandths round up and do not drift", () => {
  assert.equal(parseMilli("100m"), 100);
  assert.equal(parseMilli("0.1"), 100);
  assert.equal(parseMilli("1.1"), 1100);
  assert.equal(parseMilli("100u"), 1);
  assert.equal(parseMilli(undefined), 0);
});
