import assert from "node:assert/strict";
import { test } from "node:test";
import { difference, matchesText } from "./expect.ts";

test("a pattern is a text that occurs or a regular expression", () => {
  assert.ok(matchesText("pod/web created\n", "web created"));
  assert.ok(!matchesText("pod/web created\n", "deleted"));
  assert.ok(matchesText("1/1   Running", String.raw`/^1\/1 +Running$/`));
  assert.ok(matchesText("a\nB", "/^b$/mi"));
  assert.ok(!matchesText("seen", "/^een/"));
});

const object = { name: "a", list: [{ x: 1, y: 2 }, { x: 3 }], port: 30123, none: null };
const differences: { like: unknown; expected: string | undefined }[] = [
  { like: { name: "a" }, expected: undefined },
  { like: { list: [{ x: 1 }, {}] }, expected: undefined },
  { like: { missing: null, none: null }, expected: undefined },
  { like: { port: String.raw`/^3\d{4}$/` }, expected: undefined },
  { like: { name: "b" }, expected: 'it.name: is "a", not "b"' },
  { like: { name: null }, expected: 'it.name: is "a", not missing' },
  { like: { list: [{ x: 1 }] }, expected: 'it.list: has 2 items, not 1: [{"x":1,"y":2},{"x":3}]' },
  { like: { list: [{ x: 1 }, { x: 4 }] }, expected: "it.list[1].x: is 3, not 4" },
  { like: { name: { x: 1 } }, expected: 'it.name: is "a", no object' },
  { like: { other: 1 }, expected: "it.other: is missing, not 1" },
];

for (const { like, expected } of differences) {
  test(`${JSON.stringify(like)} ${expected === undefined ? "describes it" : "does not describe it"}`, () => {
    assert.equal(difference(object, like), expected);
  });
}
