import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyStrategicMerge } from "./strategic-merge.ts";

interface Case {
  readonly name: string;
  readonly schema?: string;
  readonly object: object;
  readonly patch: object;
  readonly want: object;
}

const cases: Case[] = [
  {
    name: "a container of the same name merges, its other fields stay",
    object: { containers: [{ name: "a", image: "a:1", tty: true }] },
    patch: { containers: [{ name: "a", image: "a:2" }] },
    want: { containers: [{ name: "a", image: "a:2", tty: true }] },
  },
  {
    name: "a new container comes before those that the patch leaves alone",
    object: { containers: [{ name: "a" }] },
    patch: { containers: [{ name: "b" }] },
    want: { containers: [{ name: "b" }, { name: "a" }] },
  },
  {
    name: "$setElementOrder orders the result as kubectl apply asks",
    object: { containers: [{ name: "a" }, { name: "x" }, { name: "b" }] },
    patch: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }], containers: [{ name: "a", image: "i" }] },
    want: { containers: [{ name: "x" }, { name: "b" }, { name: "a", image: "i" }] },
  },
  {
    name: "$patch: delete takes one item out",
    object: { containers: [{ name: "a" }, { name: "b" }] },
    patch: { containers: [{ name: "a", $patch: "delete" }] },
    want: { containers: [{ name: "b" }] },
  },
  {
    name: "$patch: replace in a list replaces it whole",
    object: { containers: [{ name: "a" }, { name: "b" }] },
    patch: { containers: [{ $patch: "replace" }, { name: "c" }] },
    want: { containers: [{ name: "c" }] },
  },
  {
    name: "$patch: replace in an object replaces it whole",
    object: { securityContext: { runAsUser: 1, runAsGroup: 2 } },
    patch: { securityContext: { $patch: "replace", runAsUser: 3 } },
    want: { securityContext: { runAsUser: 3 } },
  },
  {
    name: "$retainKeys drops the fields of another strategy",
    schema: "apps.v1.DeploymentSpec",
    object: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } },
    patch: { strategy: { $retainKeys: ["type"], type: "Recreate" } },
    want: { strategy: { type: "Recreate" } },
  },
  {
    name: "atomic lists are replaced",
    object: { containers: [{ name: "a", args: ["1", "2"] }] },
    patch: { containers: [{ name: "a", args: ["3"] }] },
    want: { containers: [{ name: "a", args: ["3"] }] },
  },
  {
    name: "primitive merge lists join, and $deleteFromPrimitiveList takes out",
    schema: "meta.v1.ObjectMeta",
    object: { finalizers: ["a", "b"] },
    patch: { finalizers: ["c"], "$deleteFromPrimitiveList/finalizers": ["a"] },
    want: { finalizers: ["c", "b"] },
  },
  {
    name: "ports merge by containerPort, numbers and all",
    object: { containers: [{ name: "a", ports: [{ containerPort: 80, name: "http" }] }] },
    patch: { containers: [{ name: "a", ports: [{ containerPort: 80, protocol: "TCP" }, { containerPort: 81 }] }] },
    want: {
      containers: [{ name: "a", ports: [{ containerPort: 80, name: "http", protocol: "TCP" }, { containerPort: 81 }] }],
    },
  },
  {
    name: "null removes a field, and an entry of a map",
    schema: "meta.v1.ObjectMeta",
    object: { generateName: "x", labels: { a: "1", b: "2" } },
    patch: { generateName: null, labels: { a: null } },
    want: { labels: { b: "2" } },
  },
  {
    name: "directives inside a new object do not end up in it",
    object: {},
    patch: {
      "$setElementOrder/volumes": [{ name: "v" }],
      volumes: [{ name: "v", emptyDir: {}, $retainKeys: ["name", "emptyDir"] }],
    },
    want: { volumes: [{ name: "v", emptyDir: {} }] },
  },
];

for (const { name, schema = "core.v1.PodSpec", object, patch, want } of cases) {
  test(`strategic merge: ${name}`, () => {
    const before = structuredClone(object);
    assert.deepEqual(applyStrategicMerge(schema, object, patch), want);
    assert.deepEqual(object, before);
  });
}

test("an item without its merge key is refused by name", () => {
  assert.throws(() => applyStrategicMerge("core.v1.PodSpec", {}, { containers: [{ image: "x" }] }), {
    reason: "BadRequest",
    message: /does not contain declared merge key: name/,
  });
});

test("a patch with an object's own content changes nothing, and any patch applies twice as once", () => {
  const container = fc.record(
    { name: fc.constantFrom("a", "b", "c"), image: fc.constantFrom("1", "2") },
    { requiredKeys: ["name"], noNullPrototype: true },
  );
  const spec = fc.record(
    {
      containers: fc.uniqueArray(container, { selector: ({ name }) => name }),
      nodeName: fc.constantFrom("x", "y"),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(spec, spec, (object, patch) => {
      assert.deepEqual(applyStrategicMerge("core.v1.PodSpec", object, object), object);
      const once = applyStrategicMerge("core.v1.PodSpec", object, patch);
      assert.deepEqual(applyStrategicMerge("core.v1.PodSpec", once, patch), once);
    }),
  );
});
