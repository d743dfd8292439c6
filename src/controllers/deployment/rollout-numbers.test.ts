import assert from "node:assert/strict";
import { test } from "node:test";
import { bounds, MAX_REPLICAS, proportionalSizes, type Deployment, type ReplicaSet } from "./rollout-numbers.ts";

function deployment(replicas: number, rollingUpdate: object = {}): Deployment {
  const template = { metadata: { labels: { a: "b" } } };
  const spec = { replicas, selector: {}, template, strategy: { type: "RollingUpdate", rollingUpdate } };
  return { metadata: { name: "web", uid: "d" }, spec } as Deployment;
}

function set(name: string, replicas: number, max?: number): ReplicaSet {
  const annotations = max === undefined ? {} : { [MAX_REPLICAS]: String(max) };
  const metadata = { name, uid: name, annotations, creationTimestamp: `2026-01-0${name.slice(-1)}T00:00:00Z` };
  return { metadata, spec: { replicas, selector: {} } };
}

test("surge rounds up, unavailability down, and never are both nothing", () => {
  const cases: [number, object, number, number][] = [
    [10, {}, 3, 2],
    [3, {}, 1, 0],
    [1, {}, 1, 0],
    [4, { maxSurge: 0, maxUnavailable: 0 }, 0, 1],
    [4, { maxSurge: 0, maxUnavailable: "10%" }, 0, 1],
    [2, { maxSurge: 1, maxUnavailable: 5 }, 1, 2],
    [0, {}, 0, 0],
  ];
  for (const [replicas, rolling, maxSurge, maxUnavailable] of cases) {
    assert.deepEqual(bounds(deployment(replicas, rolling)), { maxSurge, maxUnavailable }, JSON.stringify(rolling));
  }
});

test("a recreating deployment has no room on either side", () => {
  const one = deployment(4);
  one.spec.strategy = { type: "Recreate" };
  assert.deepEqual(bounds(one), { maxSurge: 0, maxUnavailable: 0 });
});

test("a change of size in the middle of a rollout is shared in proportion", () => {
  const cases: { to: number; sizes: [number, number]; max: number; want: [number, number] }[] = [
    // 10 wanted with a surge of 3, sets of 8 and 5 (upstream's example): growing to 15 plus a surge of 4.
    { to: 15, sizes: [8, 5], max: 13, want: [12, 7] },
    { to: 5, sizes: [8, 5], max: 13, want: [4, 3] },
    { to: 0, sizes: [8, 5], max: 13, want: [0, 0] },
  ];
  for (const { to, sizes, max, want } of cases) {
    const sets = [set("rs1", sizes[0], max), set("rs2", sizes[1], max)];
    const target = deployment(to);
    const allowed = to === 0 ? 0 : to + bounds(target).maxSurge;
    const result = proportionalSizes(target, { sets, toAdd: allowed - sizes[0] - sizes[1] });
    assert.deepEqual([result.get("rs1"), result.get("rs2")], want, `to ${to}`);
    assert.equal(want[0] + want[1], allowed);
  }
});
