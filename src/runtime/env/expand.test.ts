import assert from "node:assert/strict";
import { test } from "node:test";
import { expand } from "./expand.ts";

const cases: readonly [string, string][] = [
  ["plain", "plain"],
  ["$(A)", "1"],
  ["$(A)-$(B)", "1-$(B)"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$A ${A} $", "$A ${A} $"],
  ["$(A", "$(A"],
];

for (const [text, expanded] of cases) {
  test(`"${text}" expands to "${expanded}"`, () => assert.equal(expand(text, { A: "1" }), expanded));
}
