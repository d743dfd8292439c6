import assert from "node:assert/strict";
import { test } from "node:test";
import { describeError } from "./log.ts";

const cases: readonly { readonly name: string; readonly error: unknown; readonly says: string }[] = [
  { name: "a plain error", error: new Error("it broke"), says: "it broke" },
  {
    name: "a chain of causes",
    error: new Error("Cannot go", { cause: new Error("no road", { cause: new Error("no bridge") }) }),
    says: "Cannot go: no road: no bridge",
  },
  {
    name: "a message that quotes its cause",
    error: new Error("Cannot go: no road", { cause: new Error("no road") }),
    says: "Cannot go: no road",
  },
  { name: "a cause without a message", error: new Error("Cannot go", { cause: new Error("") }), says: "Cannot go" },
  { name: "a cause that is no error", error: new Error("Cannot go", { cause: "rain" }), says: "Cannot go: rain" },
];

for (const { name, error, says } of cases) {
  test(`${name} is described once`, () => assert.equal(describeError(error), says));
}
