import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../../api/kinds.ts";
import { oomScore } from "./oom-score.ts";

const GIB = 2 ** 30;
const cases: readonly { name: string; resources: object; score: number; least?: number }[] = [
  { name: "asks for nothing", resources: {}, score: 1000 },
  { name: "is guaranteed", resources: { limits: { cpu: "1", memory: "1Gi" } }, score: -997 },
  {
    name: "is guaranteed where scores cannot be lowered",
    resources: { limits: { cpu: "1", memory: "1Gi" } },
    least: 0,
    score: 0,
  },
  { name: "asks for a quarter of the memory", resources: { requests: { memory: "1Gi" } }, score: 750 },
  { name: "asks for a little CPU only", resources: { requests: { cpu: "1m" } }, score: 999 },
  { name: "asks for all memory", resources: { requests: { memory: "4Gi" } }, score: 3 },
];

for (const { name, resources, score, least = -1000 } of cases) {
  test(`a container that ${name} has the score ${score}`, () => {
    const container = { name: "a", resources };
    const pod = { spec: { containers: [container] } } as Pod;
    assert.equal(oomScore(pod, container, { memory: 4 * GIB, least }), score);
  });
}
