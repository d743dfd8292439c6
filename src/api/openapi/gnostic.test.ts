import assert from "node:assert/strict";
import { test } from "node:test";
import { readFields } from "../protobuf/wire-reader.ts";
import { openapiV2 } from "./documents.ts";
import { encodeGnostic } from "./gnostic.ts";

type Fields = Map<number, (bigint | Uint8Array)[]>;

function fieldsOf(bytes: unknown): Fields {
  const fields: Fields = new Map();
  for (const { number, value } of readFields(bytes as Uint8Array)) {
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function texts(fields: Fields, number: number): string[] {
  return (fields.get(number) ?? []).map((value) => Buffer.from(value as Uint8Array).toString());
}

/** A list of NamedX messages by their names. */
function namedIn(bytes: unknown, number: number): Map<string, Fields> {
  const items = fieldsOf(bytes).get(number) ?? [];
  return new Map(
    items.map((item) => {
      const named = fieldsOf(item);
      return [texts(named, 1)[0] ?? "", fieldsOf(named.get(2)?.[0])] as const;
    }),
  );
}

test("the encoded document holds every path and definition, in order", async () => {
  const document = await openapiV2({ version: "v1.33.0" });
  const fields = fieldsOf(encodeGnostic(document));
  assert.deepEqual(texts(fields, 1), ["2.0"]);
  assert.deepEqual(texts(fieldsOf(fields.get(2)?.[0]), 2), ["v1.33.0"]);
  const paths = namedIn(fields.get(8)?.[0], 2);
  assert.deepEqual([...paths.keys()], Object.keys(document["paths"] as object));
  const definitions = namedIn(fields.get(9)?.[0], 1);
  assert.deepEqual([...definitions.keys()], Object.keys(document["definitions"] as object));
});

test("a schema has its properties, references, marks and required fields where clients look for them", async () => {
  const fields = fieldsOf(encodeGnostic(await openapiV2({ version: "v1.33.0" })));
  const definitions = namedIn(fields.get(9)?.[0], 1);
  const podSpec = definitions.get("io.k8s.api.core.v1.PodSpec") as Fields;
  assert.deepEqual(texts(podSpec, 19), ["containers"]);
  assert.deepEqual(texts(fieldsOf(podSpec.get(22)?.[0]), 1), ["object"]);
  const containers = namedIn(podSpec.get(25)?.[0], 1).get("containers") as Fields;
  const item = fieldsOf(fieldsOf(containers.get(23)?.[0]).get(1)?.[0]);
  assert.deepEqual(texts(item, 1), ["#/definitions/io.k8s.api.core.v1.Container"]);
  const marks = (containers.get(31) ?? []).map((mark) => {
    const named = fieldsOf(mark);
    return [texts(named, 1)[0], JSON.parse(texts(fieldsOf(named.get(2)?.[0]), 2)[0] ?? "") as unknown];
  });
  assert.deepEqual(Object.fromEntries(marks), {
    "x-kubernetes-list-map-keys": ["name"],
    "x-kubernetes-list-type": "map",
    "x-kubernetes-patch-merge-key": "name",
    "x-kubernetes-patch-strategy": "merge",
  });
});

test("an operation has its parameters by their sort", async () => {
  const fields = fieldsOf(encodeGnostic(await openapiV2({ version: "v1.33.0" })));
  const path = namedIn(fields.get(8)?.[0], 2).get("/apis/apps/v1/namespaces/{namespace}/deployments/{name}") as Fields;
  const patch = fieldsOf(path.get(8)?.[0]);
  const parameters = (patch.get(8) ?? []).map((item) => fieldsOf(fieldsOf(item).get(1)?.[0]));
  const body = parameters.find((parameter) => parameter.has(1));
  assert.deepEqual(texts(fieldsOf(body?.get(1)?.[0]), 2), ["body"]);
  assert.equal(fieldsOf(body?.get(1)?.[0]).get(4)?.[0], 1n);
  const query = parameters.filter((parameter) => parameter.has(2)).map((parameter) => fieldsOf(parameter.get(2)?.[0]));
  const names = query.flatMap((parameter) => texts(fieldsOf(parameter.get(3)?.[0]), 4));
  assert.ok(names.includes("fieldValidation"));
});

test("what is not known is refused", () => {
  assert.throws(() => encodeGnostic({ swagger: "2.0", tags: [] }), /"tags" is not expected/);
});
