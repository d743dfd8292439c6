import { declarations } from "../catalog.ts";
import { definitionOf } from "../schema.ts";
import type { ListMarks, Primitive, SchemaType } from "../schema.ts";
import { NAMED_PRIMITIVES, REQUEST_KINDS, definitionName } from "./definition-names.ts";

export type Json = Record<string, unknown>;
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;
export type OpenApiVersion = 2 | 3;

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const PRIMITIVES: Readonly<Record<Primitive, Json>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  bytes: { type: "string", format: "byte" },
  duration: { type: "string" },
  raw: { type: "object" },
  strings: { type: "array", items: { type: "string" } },
  time: { type: "string", format: "date-time" },
  microtime: { type: "string", format: "date-time" },
  quantity: { type: "string" },
  "int-or-string": { type: "string", format: "int-or-string" },
};

const PRIMITIVE_DESCRIPTIONS: Readonly<Record<string, string>> = {
  quantity: "A number with a unit suffix, such as 100m, 2, 64Mi or 1e3.",
  "int-or-string": "A whole number or a string, such as a percentage or the name of a port.",
  time: "A time in RFC 3339, in seconds.",
  microtime: "A time in RFC 3339, in microseconds.",
};

/**
 * The definitions of the given schemas and of all that they refer to, under upstream's names, as OpenAPI 2 or 3 has them.
 * Merge keys and strategies stand in upstream's `x-kubernetes-*` extensions.
 */
export function openapiDefinitions(
  roots: Iterable<string>,
  { version, descriptions }: { readonly version: OpenApiVersion; readonly descriptions: Descriptions },
): Json {
  const found: Json = {};
  const kinds = kindsOfSchemas();
  const waiting = [...roots];
  const visit = (type: SchemaType): void => {
    if ("list" in type) visit(type.list);
    else if ("map" in type) visit(type.map);
    else if ("object" in type) waiting.push(type.object);
    else {
      const name = NAMED_PRIMITIVES[type.primitive];
      if (name !== undefined) found[name] ??= namedPrimitive(type.primitive, version);
    }
  };
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const key = definitionName(name);
    if (found[key] !== undefined) continue;
    found[key] = definitionJson(name, { version, descriptions, kinds: kinds.get(name) });
    for (const type of definitionOf(name).fields.values()) visit(type);
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function namedPrimitive(primitive: Primitive, version: OpenApiVersion): Json {
  const description = PRIMITIVE_DESCRIPTIONS[primitive];
  if (version === 2 || primitive === "time" || primitive === "microtime")
    return { description, ...PRIMITIVES[primitive] };
  return primitive === "quantity"
    ? { description, oneOf: [{ type: "string" }, { type: "number" }] }
    : { description, oneOf: [{ type: "integer" }, { type: "string" }], format: "int-or-string" };
}

interface Context {
  readonly version: OpenApiVersion;
  readonly descriptions: Descriptions;
  readonly kinds: readonly GroupVersionKind[] | undefined;
}

function definitionJson(name: string, { version, descriptions, kinds }: Context): Json {
  const texts = descriptions[name] ?? {};
  const { fields, required, lists } = definitionOf(name);
  const properties = [...fields].map(([field, type]) => {
    const description = texts[field] ?? descriptionOf(type, descriptions);
    return [
      field,
      { ...(description === undefined ? {} : { description }), ...typeJson(type, version), ...marksJson(lists[field]) },
    ] as const;
  });
  return {
    ...(texts[""] === undefined ? {} : { description: texts[""] }),
    ...(required.length > 0 ? { required: [...required] } : {}),
    type: "object",
    properties: Object.fromEntries(properties),
    ...(kinds === undefined ? {} : { "x-kubernetes-group-version-kind": kinds }),
  };
}

/** The models carry no description for fields that are objects: their type's own says what they are. */
function descriptionOf(type: SchemaType, descriptions: Descriptions): string | undefined {
  return "object" in type ? descriptions[type.object]?.[""] : undefined;
}

function typeJson(type: SchemaType, version: OpenApiVersion): Json {
  if ("list" in type) return { type: "array", items: typeJson(type.list, version) };
  if ("map" in type) return { type: "object", additionalProperties: typeJson(type.map, version) };
  const named = "object" in type ? definitionName(type.object) : NAMED_PRIMITIVES[type.primitive];
  if (named !== undefined) return reference(named, version);
  return "object" in type ? {} : PRIMITIVES[type.primitive];
}

/** Version 3 wraps references in `allOf`, so that a description may stand beside them. */
export function reference(name: string, version: OpenApiVersion): Json {
  return version === 2 ? { $ref: `#/definitions/${name}` } : { allOf: [{ $ref: `#/components/schemas/${name}` }] };
}

function marksJson(marks: ListMarks | undefined): Json {
  if (marks === undefined) return {};
  const { strategy, mergeKey, type, keys } = marks;
  return {
    ...(keys === undefined ? {} : { "x-kubernetes-list-map-keys": keys }),
    ...(type === undefined ? {} : { "x-kubernetes-list-type": type }),
    ...(mergeKey === undefined ? {} : { "x-kubernetes-patch-merge-key": mergeKey }),
    ...(strategy === undefined ? {} : { "x-kubernetes-patch-strategy": strategy }),
  };
}

function kindsOfSchemas(): Map<string, GroupVersionKind[]> {
  const kinds = new Map<string, GroupVersionKind[]>();
  for (const { kind, versions } of declarations) {
    for (const { group, version, schema } of versions) {
      kinds.set(schema, [{ group, version, kind }]);
      kinds.set(`${schema}List`, [{ group, version, kind: `${kind}List` }]);
    }
  }
  for (const [schema, { group, version }] of Object.entries(REQUEST_KINDS)) {
    kinds.set(schema, [{ group, version, kind: schema.slice(schema.lastIndexOf(".") + 1) }]);
  }
  return kinds;
}
