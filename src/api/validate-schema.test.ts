import assert from "node:assert/strict";
import { test } from "node:test";
import { servedKind } from "./catalog.ts";
import type { Served } from "./catalog.ts";
import { definitionNames, definitionOf } from "./schema.ts";
import { decodeBody } from "./validate-schema.ts";
import type { FieldValidation } from "./validate-schema.ts";

const deployment = served("apps/v1", "Deployment");
const pod = served("v1", "Pod");

function served(apiVersion: string, kind: string): Served {
  const found = servedKind(apiVersion, kind);
  assert.ok(found, `${apiVersion} ${kind} is declared`);
  return found;
}

test("values of the wrong type are refused in the words of Go's decoder", () => {
  const cases: [Served, object, string][] = [
    [
      deployment,
      { spec: { replicas: "three" } },
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployment,
      { spec: { replicas: 3_000_000_000 } },
      "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployment,
      { spec: { replicas: 1.5 } },
      "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployment,
      { spec: { template: { spec: { containers: [{ name: 1 }] } } } },
      "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string",
    ],
    [
      deployment,
      { spec: { template: { spec: { containers: {} } } } },
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    [
      pod,
      { metadata: { labels: { a: true } } },
      "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [pod, { spec: [] }, "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"],
    [
      pod,
      { spec: { containers: [{ resources: { limits: { cpu: "lots" } } }] } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [served("v1", "Secret"), { data: { a: "a%" } }, "illegal base64 data at input byte 1"],
  ];
  for (const [kind, body, why] of cases) {
    const name = kind.declaration.kind;
    assert.throws(() => decodeBody(kind, body), {
      reason: "BadRequest",
      message: `${name} in version "v1" cannot be handled as a ${name}: ${why}`,
    });
  }
});

test("unknown and duplicate fields refuse, warn or vanish as the client asks", () => {
  const body = { spec: { replicass: 3, template: { spec: { containers: [{ name: "a", imagee: "x" }] } } } };
  const problems = [
    'duplicate field "spec.paused"',
    'unknown field "spec.replicass"',
    'unknown field "spec.template.spec.containers[0].imagee"',
  ];
  const decodeWith = (fieldValidation: FieldValidation) =>
    decodeBody(deployment, body, { fieldValidation, duplicates: ["spec.paused"] });
  assert.throws(() => decodeWith("Strict"), {
    message: `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${problems.join(", ")}`,
  });
  assert.deepEqual(decodeWith("Warn").warnings, problems);
  assert.deepEqual(decodeWith("Ignore"), {
    object: { metadata: {}, spec: { template: { spec: { containers: [{ name: "a" }] } } } },
    warnings: [],
  });
});

test("what upstream writes back differently is decoded to that form, and nulls vanish", () => {
  const { object } = decodeBody(pod, {
    metadata: { creationTimestamp: null, deletionTimestamp: "2024-01-02T03:04:05.678+01:00" },
    spec: {
      nodeName: null,
      containers: [
        { resources: { limits: { cpu: 0.5, memory: "1024Mi" } }, livenessProbe: { httpGet: { port: 80 } } },
        { livenessProbe: { httpGet: { port: "http" } } },
      ],
    },
  });
  assert.deepEqual(object, {
    metadata: { deletionTimestamp: "2024-01-02T02:04:05Z" },
    spec: {
      containers: [
        { resources: { limits: { cpu: "500m", memory: "1Gi" } }, livenessProbe: { httpGet: { port: 80 } } },
        { livenessProbe: { httpGet: { port: "http" } } },
      ],
    },
  });
});

test("every generated type is understood and every object type is there", () => {
  for (const name of definitionNames()) {
    for (const [field, type] of definitionOf(name).fields) {
      let inner = type;
      while (!("primitive" in inner) && !("object" in inner)) inner = "list" in inner ? inner.list : inner.map;
      if ("object" in inner) assert.ok(definitionOf(inner.object), `${name}.${field}`);
    }
  }
});

test("names from Object's prototype are unknown fields, not surprises", () => {
  const body = JSON.parse(
    '{"__proto__": {"a": 1}, "constructor": 2, "metadata": {"labels": {"__proto__": "x"}}}',
  ) as object;
  assert.throws(() => decodeBody(pod, body), { message: /unknown field "__proto__", unknown field "constructor"/ });
});

test("a body that is nested without end, or is no object, is refused", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  assert.throws(() => decodeBody(served("apps/v1", "ControllerRevision"), { data: deep }), {
    message: /exceeded max depth/,
  });
  assert.throws(() => decodeBody(pod, []), { reason: "BadRequest" });
  assert.throws(() => decodeBody(pod, "x"), { reason: "BadRequest" });
});
