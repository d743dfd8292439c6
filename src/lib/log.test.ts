import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, describeError } from "./log.ts";

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

test("no line holds what a terminal takes for a command, and each is one line", () => {
  for (const format of ["text", "json"] as const) {
    const lines: string[] = [];
    const log = createLogger({ format, write: (line) => lines.push(line) });
    log.warn("\u001b[2Jgone\nlevel=info faked", { path: "/\u009b31m\u202e\u007f", said: "a\r\nb" });
    assert.equal(lines.length, 1);
    const text = (lines[0] ?? "").slice(0, -1);
    assert.equal(lines[0], `${text}\n`);
    // oxlint-disable-next-line no-control-regex -- they are what this is about
    assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e]/, format);
    assert.match(text, /\\u001b\[2Jgone/);
    if (format === "json") assert.equal((JSON.parse(text) as { path: string }).path, "/\u009b31m\u202e\u007f");
  }
});
