import assert from "node:assert/strict";
import { test } from "node:test";
import { countTests, type Tally } from "./tally.ts";

const cases: { name: string; output: string; code: number; expected: Tally }[] = [
  { name: "a stage without tests that succeeds is one", output: "fine\n", code: 0, expected: { passed: 1, failed: 0 } },
  { name: "a stage without tests that fails is one", output: "bad\n", code: 2, expected: { passed: 0, failed: 1 } },
  { name: "a summary counts", output: "ℹ tests 5\nℹ pass 4\nℹ fail 1\n", code: 1, expected: { passed: 4, failed: 1 } },
  {
    name: "cancelled tests have failed",
    output: "ℹ pass 4\nℹ fail 0\nℹ cancelled 2\n",
    code: 1,
    expected: { passed: 4, failed: 2 },
  },
  {
    name: "an error beside passing tests counts",
    output: "ℹ pass 4\nℹ fail 0\n",
    code: 1,
    expected: { passed: 4, failed: 1 },
  },
  { name: "rows count", output: "kubectl: 119 of 120\n", code: 1, expected: { passed: 119, failed: 1 } },
];

for (const { name, output, code, expected } of cases) {
  test(name, () => assert.deepEqual(countTests(output, code), expected));
}
