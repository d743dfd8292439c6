import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/kinds.ts";
import { ALL_ABILITIES, shortcomings } from "./host-limits.ts";

test("what a host cannot enforce is told, and only to pods that ask for it", () => {
  const asking = {
    spec: {
      securityContext: { fsGroup: 5 },
      containers: [{ name: "a", resources: { limits: { memory: "1Gi" } } }, { name: "b" }],
      volumes: [{ name: "m", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }],
    },
  } as Pod;
  const plain: Pod = { spec: { containers: [{ name: "a" }] } };
  const none = { limits: false, ownership: false };
  assert.deepEqual(shortcomings(asking, ALL_ABILITIES), []);
  assert.deepEqual(shortcomings(plain, none), []);
  const told = shortcomings(asking, none);
  assert.equal(told.length, 3);
  assert.match(told[0] ?? "", /^limits of a are not enforced/);
});
