import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "./kinds.ts";
import { podRequests } from "./pod-requests.ts";

const container = (cpu: string, more: Partial<Container> = {}): Container => ({
  name: `c${cpu}`,
  resources: { requests: { cpu } },
  ...more,
});

const cases: { what: string; spec: NonNullable<Pod["spec"]>; cpu: number }[] = [
  { what: "containers add up", spec: { containers: [container("1"), container("250m")] }, cpu: 1250 },
  {
    what: "init containers run one by one",
    spec: { containers: [container("1")], initContainers: [container("1500m"), container("500m")] },
    cpu: 1500,
  },
  {
    what: "sidecars count with what starts after them, and with the containers",
    spec: {
      containers: [container("1")],
      initContainers: [container("300m", { restartPolicy: "Always" }), container("1200m")],
    },
    cpu: 1500,
  },
  {
    what: "overhead is added",
    spec: { containers: [container("1")], overhead: { cpu: "100m" } },
    cpu: 1100,
  },
  {
    what: "a limit stands for a request that is not named",
    spec: { containers: [{ name: "c", resources: { limits: { cpu: "2" } } }] },
    cpu: 2000,
  },
  { what: "nothing asked is nothing", spec: { containers: [{ name: "c" }] }, cpu: 0 },
];

for (const { what, spec, cpu } of cases) {
  test(what, () => assert.equal(podRequests({ spec }).get("cpu") ?? 0, cpu));
}
