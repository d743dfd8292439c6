import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../lib/random.ts";
import type { Random } from "../lib/random.ts";
import { declarations } from "./catalog.ts";
import type { KubeObject } from "./kinds.ts";
import { definitionOf } from "./schema.ts";
import type { Primitive, SchemaType } from "./schema.ts";
import { decodeSchema } from "./validate-schema.ts";

const TEXTS = [
  "",
  "a",
  "web",
  "A_b",
  "None",
  "Always",
  "ClusterIP",
  "ExternalName",
  "RollingUpdate",
  "25%",
  "*/5 * * * *",
  "10.0.0.1",
  "x/y/z",
];
const NUMBERS = [0, 1, -1, 80, 70_000, 2 ** 31 - 1];
const OTHERS: Partial<Record<Primitive, readonly unknown[]>> = {
  bool: [true, false],
  quantity: ["0", "1", "-5", "100m", "1Gi"],
  time: ["2024-01-02T03:04:05Z"],
  microtime: ["2024-01-02T03:04:05.000006Z"],
  bytes: ["", "e30="],
  raw: [{}, [], null, { a: 1 }],
  "int-or-string": [0, 1, "50%", "http", ""],
  strings: [["a"]],
};

/** Anything that the schema lets through: required fields are left out as often as others. */
function arbitrary(type: SchemaType, random: Random, depth: number): unknown {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)] as Item;
  if ("list" in type) return Array.from({ length: pick([0, 1, 1, 2]) }, () => arbitrary(type.list, random, depth + 1));
  if ("map" in type)
    return Object.fromEntries(
      pick([[], ["a"], ["a", "b/c"]]).map((key) => [key, arbitrary(type.map, random, depth + 1)]),
    );
  if ("primitive" in type) {
    const { primitive } = type;
    if (primitive === "int32" || primitive === "int64" || primitive === "double") return pick(NUMBERS);
    return pick(OTHERS[primitive] ?? TEXTS);
  }
  const chance = depth > 8 ? 0.1 : depth < 3 ? 0.8 : 0.4;
  const fields = [...definitionOf(type.object).fields].filter(() => random.next() < chance);
  return Object.fromEntries(fields.map(([name, field]) => [name, arbitrary(field, random, depth + 1)]));
}

test("no object that passes its schema makes a hook of its kind throw", () => {
  for (const declaration of declarations) {
    for (let seed = 1; seed <= 25; seed++) {
      const make = (): KubeObject => {
        const value = arbitrary({ object: declaration.storage.schema }, seededRandom(seed), 0);
        const { object } = decodeSchema(declaration.storage.schema, value);
        return {
          ...object,
          apiVersion: declaration.storage.apiVersion,
          kind: declaration.kind,
          metadata: (object["metadata"] ?? {}) as object,
        };
      };
      const object = make();
      const context = `${declaration.kind}, seed ${seed}`;
      assert.doesNotThrow(() => {
        declaration.row(object, { now: 0 });
        declaration.fields(object);
        declaration.applyDefaults(object);
        const once = structuredClone(object);
        declaration.applyDefaults(object);
        assert.deepEqual(object, once, "defaulting twice is defaulting once");
        declaration.prepareCreate(object);
        declaration.prepareUpdate(make(), object);
        declaration.validate(object);
        declaration.validateUpdate(make(), object);
        declaration.warnings(object);
        declaration.row(object, { now: 0 });
        for (const { fromStorage, toStorage } of declaration.versions) {
          if (fromStorage && toStorage) toStorage(fromStorage(object));
        }
      }, context);
    }
  }
});
