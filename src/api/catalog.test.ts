import assert from "node:assert/strict";
import { test } from "node:test";
import {
  declarations,
  declarationOf,
  declarationOfResource,
  groups,
  servedBy,
  servedKind,
  servedResource,
} from "./catalog.ts";
import type { KubeObject } from "./kinds.ts";
import { definitionOf } from "./schema.ts";

const empty = (kind: string): KubeObject => ({ apiVersion: "", kind, metadata: {} });

test("every kind is found by each of its names", () => {
  for (const declaration of declarations) {
    assert.equal(declarationOf(declaration.kind), declaration);
    assert.equal(declarationOfResource(declaration.resource), declaration);
    for (const { apiVersion, schema } of declaration.versions) {
      assert.equal(servedKind(apiVersion, declaration.kind)?.declaration, declaration);
      assert.equal(servedResource(apiVersion, declaration.plural)?.declaration, declaration);
      assert.ok(servedBy(apiVersion).some((served) => served.declaration === declaration));
      assert.ok(definitionOf(schema).fields.has("metadata"), schema);
    }
  }
});

test("names, resources and short names are taken once", () => {
  const kinds = declarations.map(({ kind }) => kind);
  const resources = declarations.map(({ resource }) => resource);
  const short = declarations.flatMap(({ shortNames }) => shortNames);
  for (const list of [kinds, resources, short]) assert.equal(new Set(list).size, list.length);
});

test("an HPA's preferred version is v2, and an Event is one resource in two groups", () => {
  assert.deepEqual(groups.find(({ name }) => name === "autoscaling")?.versions, ["v2", "v1"]);
  assert.equal(servedKind("events.k8s.io/v1", "Event")?.declaration, servedKind("v1", "Event")?.declaration);
});

for (const declaration of declarations) {
  const { kind, columns } = declaration;
  test(`${kind}: hooks take an object with nothing in it, and a row has a cell for each column`, () => {
    const object = empty(kind);
    declaration.applyDefaults(object);
    declaration.prepareCreate(object);
    declaration.prepareUpdate(structuredClone(object), object);
    declaration.validate(object);
    assert.deepEqual(
      declaration.validateUpdate(structuredClone(object), object).filter(({ field }) => !field.startsWith("metadata")),
      [],
    );
    declaration.warnings(object);
    declaration.fields(empty(kind));
    assert.equal(declaration.row(empty(kind), { now: 0 }).length, columns.length);
    for (const { description, name } of columns) assert.ok(description.length > 0, name);
    for (const { toStorage, fromStorage } of declaration.versions) {
      if (toStorage && fromStorage) assert.equal(toStorage(fromStorage(empty(kind))).kind, kind);
    }
  });

  test(`${kind}: defaulting what is defaulted changes nothing`, () => {
    const object = { ...empty(kind), spec: { template: { spec: { containers: [{ name: "a", image: "b" }] } } } };
    declaration.applyDefaults(object);
    const once = structuredClone(object);
    declaration.applyDefaults(object);
    assert.deepEqual(object, once);
  });
}
