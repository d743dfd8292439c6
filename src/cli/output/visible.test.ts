import assert from "node:assert/strict";
import { test } from "node:test";
import { printDescription } from "../describe/description.ts";
import { alignColumns } from "./table.ts";
import { visible, visibleLine } from "./visible.ts";

test("what a terminal would take for a command is written out", () => {
  const cases = {
    "plain\ttext\nof two lines, ä": "plain\ttext\nof two lines, ä",
    "\u001b[31mred": "^[[31mred",
    "back\b\r": "back^H^M",
    "\u009b2J": "\\u009b2J",
    "\u007f\u202egnp": "^?\\u202egnp",
  };
  for (const [text, shown] of Object.entries(cases)) assert.equal(visible(text), shown);
  assert.equal(visibleLine("first\nweb-2  Running"), "first...");
});

test("no cell of a table makes a row, a column or a colour", () => {
  const rows = [
    ["NAME", "REASON"],
    ["a", "\u001b[2J"],
    ["b", "x\nc   Running"],
  ];
  assert.equal(alignColumns(rows), "NAME   REASON\na      ^[[2J\nb      x...\n");
});

test("no value of a description commands the terminal", () => {
  const text = printDescription(["Name:\ta\u001b]0;title\u0007", "Events:", "  \u001b[1A"]);
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
  assert.match(text, /a\^\[\]0;title\^G\n/);
});
