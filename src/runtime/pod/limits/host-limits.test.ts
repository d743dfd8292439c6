import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../../api/kinds.ts";
import { ALL_ABILITIES, shortcomings } from "./host-limits.ts";

const none = { cpu: "no controller", memory: "no controller", ownership: false, leastOomScore: 0 };
const limited = (name: string, limits: Record<string, string>) => ({ name, resources: { limits } });

const cases: readonly { name: string; spec: object; abilities?: object; told: RegExp[] }[] = [
  { name: "a plain pod", spec: { containers: [{ name: "a" }] }, abilities: none, told: [] },
  {
    name: "limits on a host that has all",
    spec: { containers: [limited("a", { cpu: "1", memory: "1Gi" })] },
    told: [],
  },
  {
    name: "limits on a host without a memory controller",
    spec: { containers: [limited("a", { cpu: "1", memory: "1Gi" }), limited("b", { memory: "1" })] },
    abilities: { ...ALL_ABILITIES, memory: "no controller" },
    told: [/^memory limits of a, b are not enforced: no controller$/],
  },
  {
    name: "a limit of ephemeral storage",
    spec: { containers: [limited("a", { "ephemeral-storage": "1Gi" })] },
    told: [/^ephemeral-storage limits of a/],
  },
  { name: "fsGroup without root", spec: { securityContext: { fsGroup: 5 } }, abilities: none, told: [/^fsGroup/] },
  {
    name: "a volume in memory, limited",
    spec: { volumes: [{ name: "m", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }] },
    told: [],
  },
  {
    name: "a volume in memory, limited, without root",
    spec: { volumes: [{ name: "m", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }] },
    abilities: none,
    told: [/^sizeLimit of volume m is not enforced: the agent runs without root/],
  },
  {
    name: "a volume on disk, limited",
    spec: { volumes: [{ name: "d", emptyDir: { sizeLimit: "1Mi" } }] },
    told: [],
  },
  {
    name: "a volume on disk, limited, without root",
    spec: { volumes: [{ name: "d", emptyDir: { sizeLimit: "1Mi" } }] },
    abilities: none,
    told: [/^sizeLimit of volume d is not enforced: the agent runs without root/],
  },
];

for (const { name, spec, abilities, told } of cases) {
  test(`what a host cannot enforce of ${name} is told`, () => {
    const found = shortcomings({ spec } as Pod, { ...ALL_ABILITIES, ...abilities });
    assert.equal(found.length, told.length, found.join("\n"));
    for (const [index, pattern] of told.entries()) assert.match(found[index] ?? "", pattern);
  });
}
