import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addQuantities, canonicalQuantity, compareQuantities, parseMilli, parseQuantity } from "./quantity.ts";

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

test("canonical forms are those that upstream writes back", () => {
  const cases: [string, string][] = [
    ["0.5", "500m"],
    ["1000m", "1"],
    ["1024Mi", "1Gi"],
    ["1536Mi", "1536Mi"],
    ["512Ki", "512Ki"],
    ["0.5Gi", "512Mi"],
    ["100Ki", "100Ki"],
    ["1e3", "1e3"],
    ["1500", "1500"],
    ["1000", "1k"],
    ["0", "0"],
    ["-1.5", "-1500m"],
    ["0.0000000001", "1n"],
    ["512", "512"],
    ["1Ki", "1Ki"],
    ["0.5Ki", "512"],
    ["1.1Ki", "1126400m"],
    ["1E", "1E"],
    ["+5", "5"],
    ["12e6", "12e6"],
    ["1.250", "1.250"],
    ["1.25", "1250m"],
    ["0.250", "250m"],
    ["420.395G", "420.395G"],
    ["1.5Gi", "1536Mi"],
  ];
  for (const [text, want] of cases) assert.equal(canonicalQuantity(text), want, text);
  for (const [text, want] of cases) assert.equal(compareQuantities(text, want), 0, text);
});

test("a canonical quantity stays as it is and keeps its value", () => {
  const suffixes = fc.constantFrom("", "m", "u", "k", "M", "G", "Ki", "Mi", "Gi", "e2", "E3");
  fc.assert(
    fc.property(fc.integer({ min: -1e6, max: 1e6 }), suffixes, (number, suffix) => {
      const canonical = canonicalQuantity(`${number}${suffix}`);
      assert.equal(canonicalQuantity(canonical), canonical);
      assert.equal(compareQuantities(canonical, `${number}${suffix}`), 0);
    }),
  );
});

test("an exponent that no amount has is refused, and what is taken is never without bounds", () => {
  const refused = ["1e400", "1e101", "1E+2147483648", "1e99999999999999999999", "1.001e402", "1e-2147483648"];
  for (const text of refused) {
    assert.throws(() => canonicalQuantity(text), { message: "unable to parse quantity's suffix" }, text);
    assert.throws(() => compareQuantities(text, "0"), RangeError, text);
    assert.equal(parseQuantity(text), undefined, text);
  }
  const taken: [string, string][] = [
    ["1e31", "10e30"],
    ["1.5e100", "1.5e100"],
    ["1.55e100", "15500e96"],
    ["1e-400", "1e-9"],
    [`1${"0".repeat(50)}e-100`, "1e-9"],
  ];
  for (const [text, want] of taken) {
    assert.equal(canonicalQuantity(text), want, text);
    assert.equal(canonicalQuantity(want), want);
    assert.ok(Number.isFinite(parseQuantity(want)), want);
  }
});

test("sums are exact and in the form of the first", () => {
  assert.equal(addQuantities("100m", "0.9"), "1");
  assert.equal(addQuantities("1Gi", "1Gi", "512Mi"), "2560Mi");
  assert.throws(() => addQuantities("x"), RangeError);
});
