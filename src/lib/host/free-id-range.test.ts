import assert from "node:assert/strict";
import { test } from "node:test";
import { freeIdRange } from "./probe-namespaces.ts";

const cases = [
  { name: "the first user gets the usual range", lines: [""], range: "100000-165535" },
  { name: "a range goes after all others", lines: ["ann:100000:65536", "bob:165536:65536"], range: "231072-296607" },
  { name: "gaps and odd lines do not matter", lines: ["# users", "ann:500000:10", "x:y:z"], range: "500010-565545" },
  { name: "low ranges leave room for system users", lines: ["ann:2000:10"], range: "100000-165535" },
];

for (const { name, lines, range } of cases) test(name, () => assert.equal(freeIdRange(lines), range));
