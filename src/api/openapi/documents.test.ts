import assert from "node:assert/strict";
import { test } from "node:test";
import { declarations } from "../catalog.ts";
import { openapiV2, openapiV3, openapiV3Index, openapiV3Paths } from "./documents.ts";

const info = { version: "v1.33.0" };

function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => (key === "$ref" ? [item as string] : references(item)));
}

test("the index names a document for each group and version, and each exists", async () => {
  const { paths } = openapiV3Index(info) as { paths: Record<string, { serverRelativeURL: string }> };
  assert.match(paths["apis/apps/v1"]?.serverRelativeURL ?? "", /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{64}$/);
  assert.ok(paths["api/v1"]);
  for (const path of openapiV3Paths()) assert.ok(await openapiV3(path, info), path);
  assert.equal(await openapiV3("apis/nothing/v1", info), undefined);
});

test("every reference leads to a definition, in both versions", async () => {
  for (const path of openapiV3Paths()) {
    const document = (await openapiV3(path, info)) as { components: { schemas: object } };
    for (const name of new Set(references(document))) {
      assert.ok(Object.hasOwn(document.components.schemas, name.replace("#/components/schemas/", "")), name);
    }
  }
  const { definitions, ...rest } = (await openapiV2(info)) as { definitions: object };
  for (const name of new Set(references([definitions, rest]))) {
    assert.ok(Object.hasOwn(definitions, name.replace("#/definitions/", "")), name);
  }
});

interface V3 {
  paths: Record<
    string,
    Record<
      string,
      {
        parameters: { name: string; in: string }[];
        requestBody?: { content: object };
        "x-kubernetes-group-version-kind"?: object;
      }
    >
  >;
  components: { schemas: Record<string, { description: string; properties: Record<string, { description: string }> }> };
}

test("kubectl finds what it looks for: the kind of a path, fieldValidation on patch, merge keys, descriptions", async () => {
  const document = (await openapiV3("apis/apps/v1", info)) as unknown as V3;
  const gvk = { group: "apps", version: "v1", kind: "Deployment" };
  const list = document.paths["/apis/apps/v1/namespaces/{namespace}/deployments"];
  assert.deepEqual(list?.["get"]?.["x-kubernetes-group-version-kind"], gvk);
  const patch = document.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]?.["patch"];
  assert.ok(patch?.parameters.some((parameter) => parameter.name === "fieldValidation" && parameter.in === "query"));
  assert.ok(Object.hasOwn(patch?.requestBody?.content ?? {}, "application/strategic-merge-patch+json"));
  const podSpec = document.components.schemas["io.k8s.api.core.v1.PodSpec"];
  assert.deepEqual(podSpec?.properties["containers"], {
    description: podSpec?.properties["containers"]?.description,
    type: "array",
    items: { allOf: [{ $ref: "#/components/schemas/io.k8s.api.core.v1.Container" }] },
    "x-kubernetes-list-map-keys": ["name"],
    "x-kubernetes-list-type": "map",
    "x-kubernetes-patch-merge-key": "name",
    "x-kubernetes-patch-strategy": "merge",
  });
  assert.match(document.components.schemas["io.k8s.api.apps.v1.Deployment"]?.description ?? "", /declarative updates/);
});

test("version 2 has a path for every kind", async () => {
  const { paths } = (await openapiV2(info)) as { paths: object };
  for (const { plural, versions } of declarations) {
    for (const { group } of versions) {
      assert.ok(
        Object.keys(paths).some((path) => path.includes(group) && path.endsWith(`/${plural}`)),
        plural,
      );
    }
  }
});
