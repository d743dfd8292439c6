import assert from "node:assert/strict";
import { test } from "node:test";
import { alignTabs } from "./align-tabs.ts";

// As kubectl prints them.
const cases: readonly { readonly what: string; readonly text: string; readonly aligned: string }[] = [
  {
    what: "neighbouring lines share a column",
    text: "Name:\tweb\nNamespace:\tdefault\n",
    aligned: "Name:       web\nNamespace:  default\n",
  },
  {
    what: "a line without a cell ends the column",
    text: "A:\t1\nLong:\n  LongTitle:\t2\nB:\t3\n",
    aligned: "A:  1\nLong:\n  LongTitle:  2\nB:            3\n",
  },
  { what: "an empty cell continues it", text: "Labels:\ta=b\n\tc=d\n", aligned: "Labels:  a=b\n         c=d\n" },
  {
    what: "a second column lies within the first",
    text: "Port:\thttp\t80/TCP\nTargetPort:\t8080\nPort:\tlonger\t81/TCP\n",
    aligned: "Port:        http  80/TCP\nTargetPort:  8080\nPort:        longer  81/TCP\n",
  },
  { what: "an empty column is padding", text: "a\t\tb\nccc\t\td\n", aligned: "a      b\nccc    d\n" },
  { what: "text without tabs stays", text: "one\n\ntwo", aligned: "one\n\ntwo" },
];

for (const { what, text, aligned } of cases) test(what, () => assert.equal(alignTabs(text), aligned));
