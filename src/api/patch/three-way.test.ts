import assert from "node:assert/strict";
import { test } from "node:test";
import { applyStrategicMerge } from "./strategic-merge.ts";
import { threeWayPatch } from "./three-way.ts";

const SCHEMA = "apps.v1.Deployment";

function deployment(
  containers: readonly Record<string, unknown>[],
  spec: Record<string, unknown> = {},
): Record<string, unknown> {
  return { metadata: { name: "web", labels: { app: "web" } }, spec: { ...spec, template: { spec: { containers } } } };
}

test("what is live already needs no patch, and what others added stays", () => {
  const manifest = deployment([{ name: "web", image: "x:1" }]);
  const live = deployment([{ name: "web", image: "x:1", imagePullPolicy: "IfNotPresent" }], { replicas: 3 });
  assert.deepEqual(threeWayPatch(SCHEMA, { last: manifest, wanted: manifest, live }), {});
});

test("a container that left the manifest is removed by its merge key, a sidecar that another put there is not", () => {
  const last = deployment(
    [
      { name: "web", image: "x:1" },
      { name: "old", image: "y:1" },
    ],
    { replicas: 2 },
  );
  const wanted = deployment([{ name: "web", image: "x:2" }]);
  const live = deployment(
    [
      { name: "web", image: "x:1", tty: false },
      { name: "old", image: "y:1" },
      { name: "sidecar", image: "z" },
    ],
    { replicas: 2 },
  );
  const patched = applyStrategicMerge(SCHEMA, live, threeWayPatch(SCHEMA, { last, wanted, live }));
  assert.deepEqual(
    patched,
    deployment([
      { name: "web", image: "x:2", tty: false },
      { name: "sidecar", image: "z" },
    ]),
  );
});

test("a list without a merge key is replaced as a whole", () => {
  const last = deployment([{ name: "web", command: ["a", "b"] }]);
  const wanted = deployment([{ name: "web", command: ["a"] }]);
  const patched = applyStrategicMerge(SCHEMA, last, threeWayPatch(SCHEMA, { last, wanted, live: last }));
  assert.deepEqual(patched, wanted);
});

test("finalizers are added and removed one by one", () => {
  const objects = {
    last: { metadata: { finalizers: ["a", "b"] } },
    wanted: { metadata: { finalizers: ["b", "c"] } },
    live: { metadata: { finalizers: ["a", "b", "other"] } },
  };
  const patched = applyStrategicMerge(SCHEMA, objects.live, threeWayPatch(SCHEMA, objects)) as {
    metadata: { finalizers: string[] };
  };
  assert.deepEqual(patched.metadata.finalizers.toSorted(), ["b", "c", "other"]);
});
