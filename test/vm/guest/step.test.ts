import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMessage, type Message, parseMessage } from "./step.ts";

const MESSAGES: readonly Message[] = [
  { type: "begin", name: "a name with {} and \n in it" },
  { type: "end", name: "one", code: 1, seconds: 2.5 },
  { type: "done" },
];

for (const message of MESSAGES) {
  test(`"${message.type}" fits on one line and is read as it was written`, () => {
    const line = formatMessage(message);
    assert.ok(!line.includes("\n"));
    assert.deepEqual(parseMessage(line), message);
  });
}

test("what a step prints itself is no message", () => {
  for (const line of ["", "{}", '{"type":"done"}', "ℹ pass 4"]) assert.equal(parseMessage(line), undefined);
});
