import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesExpression, matchesSelector } from "./label-selector.ts";

test("no selector matches nothing and an empty one everything", () => {
  assert.equal(matchesSelector(undefined, { a: "b" }), false);
  assert.equal(matchesSelector({}, undefined), true);
});

test("every requirement must hold", () => {
  const selector = { matchLabels: { app: "web" }, matchExpressions: [{ key: "tier", operator: "In", values: ["a"] }] };
  assert.equal(matchesSelector(selector, { app: "web", tier: "a" }), true);
  assert.equal(matchesSelector(selector, { app: "web", tier: "b" }), false);
  assert.equal(matchesSelector(selector, { app: "web" }), false);
});

test("each operator has upstream's meaning", () => {
  const cases: [string, string[], string | undefined, boolean][] = [
    ["NotIn", ["a"], undefined, true],
    ["NotIn", ["a"], "a", false],
    ["Exists", [], "", true],
    ["DoesNotExist", [], "x", false],
    ["Gt", ["9"], "10", true],
    ["Gt", ["9"], "x", false],
    ["Lt", ["9"], "10", false],
    ["Like", ["x"], "x", false],
  ];
  for (const [operator, values, value, want] of cases) {
    const labels: Record<string, string> = value === undefined ? {} : { key: value };
    assert.equal(matchesExpression({ key: "key", operator, values }, labels), want, `${operator} ${String(value)}`);
  }
});

test("what every object of JavaScript has is no label", () => {
  for (const key of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    assert.equal(matchesExpression({ key, operator: "Exists" }, {}), false, key);
    assert.equal(matchesExpression({ key, operator: "DoesNotExist" }, {}), true, key);
    const labels = JSON.parse(`{${JSON.stringify(key)}:"x"}`) as Record<string, string>;
    assert.equal(matchesExpression({ key, operator: "In", values: ["x"] }, labels), true, key);
    assert.equal(matchesSelector({ matchLabels: labels }, labels), true, key);
  }
});
