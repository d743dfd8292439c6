import assert from "node:assert/strict";
import { test } from "node:test";
import { goJson } from "./go-json.ts";

test("keys are in order at every depth, lists stay as they are", () => {
  assert.equal(goJson({ b: [{ d: 1, c: [3, 2] }], a: null }), '{"a":null,"b":[{"c":[3,2],"d":1}]}');
});

test("what HTML reads as markup is escaped, so that it stays the same for every JSON reader", () => {
  const text = goJson({ a: "<b> & c\u2028" });
  assert.equal(text, '{"a":"\\u003cb\\u003e \\u0026 c\\u2028"}');
  assert.deepEqual(JSON.parse(text), { a: "<b> & c\u2028" });
});
