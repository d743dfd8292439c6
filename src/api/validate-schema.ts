import { ApiError } from "./api-error.ts";
import type { Served } from "./catalog.ts";
import type { KubeObject } from "./kinds.ts";
import { canonicalTime } from "./json-time.ts";
import { isNestedTooDeeply } from "./nesting.ts";
import { QUANTITY_RULE, canonicalQuantity, quantityProblem } from "./quantity.ts";
import { definitionOf } from "./schema.ts";
import type { Primitive, SchemaType } from "./schema.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** Objects nest at most this deep; deeper ones are refused before they can exhaust the stack. */
const MAX_DEPTH = 64;

interface Place {
  /** As strict errors name it: `spec.containers[0].nam`. */
  readonly path: string;
  /** As Go's decoder names it: `spec.containers`, without indexes. */
  readonly goPath: string;
  /** The struct that holds the field: `Container`. */
  readonly owner: string;
  readonly depth: number;
}

/** A value of the wrong type, worded as Go's JSON decoder words it. */
export class TypeMismatch extends Error {}

export interface Decoded {
  /** A copy with only what the schema knows; the input is left alone. */
  readonly object: Record<string, unknown>;
  /** `unknown field "spec.replicass"`, in the order found. */
  readonly unknown: readonly string[];
}

/**
 * Checks a JSON value against a definition and copies what it knows. Nulls vanish. Throws TypeMismatch where a value
 * cannot be of its field's type.
 */
export function decodeSchema(name: string, value: unknown): Decoded {
  const unknown: string[] = [];
  const place = { path: "", goPath: "", owner: "", depth: 0 };
  const object = decodeObject(name, value, { place, unknown }) as Record<string, unknown>;
  return { object, unknown };
}

/**
 * Decodes a request body of a served kind. Unknown and duplicate fields refuse it (Strict), warn (Warn) or are dropped in
 * silence (Ignore). Throws BadRequest, worded as upstream.
 */
export function decodeBody(
  served: Served,
  value: unknown,
  options: { readonly fieldValidation?: FieldValidation; readonly duplicates?: readonly string[] } = {},
): { object: KubeObject; warnings: string[] } {
  const { fieldValidation = "Strict", duplicates = [] } = options;
  const { kind } = served.declaration;
  return decodeAs({ kind, version: served.version.version, schema: served.version.schema }, value, {
    fieldValidation,
    duplicates,
  });
}

/** As decodeBody, for kinds that are not stored (DeleteOptions, Scale, Binding, Eviction, TokenRequest, ...). */
export function decodeAs(
  target: { readonly kind: string; readonly version: string; readonly schema: string },
  value: unknown,
  options: { readonly fieldValidation?: FieldValidation; readonly duplicates?: readonly string[] } = {},
): { object: KubeObject; warnings: string[] } {
  const { fieldValidation = "Strict", duplicates = [] } = options;
  const refuse = (why: string): never => {
    const { kind, version } = target;
    throw new ApiError("BadRequest", `${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
  };
  if (isNestedTooDeeply(value)) return refuse("exceeded max depth");
  let decoded: Decoded;
  try {
    decoded = decodeSchema(target.schema, value);
  } catch (error) {
    if (error instanceof TypeMismatch) return refuse(error.message);
    throw error;
  }
  const problems = [...duplicates.map((path) => `duplicate field "${path}"`), ...decoded.unknown];
  if (problems.length > 0 && fieldValidation === "Strict") refuse(`strict decoding error: ${problems.join(", ")}`);
  const object = decoded.object as KubeObject;
  object.metadata ??= {};
  return { object, warnings: fieldValidation === "Warn" ? problems : [] };
}

interface Step {
  readonly place: Place;
  readonly unknown: string[];
}

function decode(type: SchemaType, value: unknown, step: Step): unknown {
  if ("object" in type) return decodeObject(type.object, value, step);
  if ("list" in type) return decodeList(type, value, step);
  if ("map" in type) return decodeMap(type, value, step);
  return decodePrimitive(type.primitive, value, step.place);
}

function decodeObject(name: string, value: unknown, { place, unknown }: Step): unknown {
  if (value === null || value === undefined) return {};
  const shortName = name.slice(name.lastIndexOf(".") + 1);
  if (typeof value !== "object" || Array.isArray(value)) throw mismatch(value, goType({ object: name }), place);
  if (place.depth > MAX_DEPTH) throw new TypeMismatch("exceeded max depth");
  const { fields } = definitionOf(name);
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const type = fields.get(key);
    const path = place.path === "" ? key : `${place.path}.${key}`;
    if (type === undefined) {
      unknown.push(`unknown field "${path}"`);
      continue;
    }
    if (item === null || item === undefined) continue;
    const goPath = place.goPath === "" ? key : `${place.goPath}.${key}`;
    result[key] = decode(type, item, { place: { path, goPath, owner: shortName, depth: place.depth + 1 }, unknown });
  }
  return result;
}

function decodeList(type: { readonly list: SchemaType }, value: unknown, { place, unknown }: Step): unknown {
  if (!Array.isArray(value)) throw mismatch(value, goType(type), place);
  return value.map((item: unknown, index) => {
    const inner = { ...place, path: `${place.path}[${index}]`, depth: place.depth + 1 };
    return item === null ? zero(type.list) : decode(type.list, item, { place: inner, unknown });
  });
}

function decodeMap(type: { readonly map: SchemaType }, value: unknown, { place, unknown }: Step): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch(value, goType(type), place);
  const entries = Object.entries(value).map(([key, item]) => {
    const inner = { ...place, path: `${place.path}.${key}`, depth: place.depth + 1 };
    return [key, item === null ? zero(type.map) : decode(type.map, item, { place: inner, unknown })] as const;
  });
  return Object.fromEntries(entries);
}

function zero(type: SchemaType): unknown {
  if ("list" in type) return [];
  if ("map" in type || "object" in type) return {};
  if (type.primitive === "raw") return null;
  if (type.primitive === "bool") return false;
  return type.primitive === "int32" || type.primitive === "int64" || type.primitive === "double" ? 0 : "";
}

function decodePrimitive(primitive: Primitive, value: unknown, place: Place): unknown {
  switch (primitive) {
    case "string":
    case "duration":
      if (typeof value !== "string") throw mismatch(value, "string", place);
      return value;
    case "bool":
      if (typeof value !== "boolean") throw mismatch(value, "bool", place);
      return value;
    case "int32":
    case "int64":
      return integer(primitive, value, place);
    case "double":
      if (typeof value !== "number") throw mismatch(value, "float64", place);
      return value;
    case "bytes":
      return base64(value, place);
    case "time":
    case "microtime":
      return time(primitive, value);
    case "quantity":
      return quantity(value);
    case "int-or-string":
      return intOrString(value);
    case "strings":
      return decodeList({ list: { primitive: "string" } }, value, { place, unknown: [] });
    case "raw":
      return structuredClone(value);
  }
}

const RANGES = { int32: 2 ** 31, int64: 2 ** 63 } as const;

function integer(type: "int32" | "int64", value: unknown, place: Place): number {
  if (typeof value !== "number") throw mismatch(value, type, place);
  const limit = RANGES[type];
  if (!Number.isInteger(value) || value >= limit || value < -limit) throw mismatch(value, type, place, true);
  return value;
}

function base64(value: unknown, place: Place): string {
  if (typeof value !== "string") throw mismatch(value, "[]uint8", place);
  const text = value.replaceAll(/[\r\n]/g, "");
  const bad = /[^A-Za-z0-9+/=]|=(?=[^=])|={3}/.exec(text)?.index;
  if (bad !== undefined) throw new TypeMismatch(`illegal base64 data at input byte ${bad}`);
  if (text.length % 4 !== 0)
    throw new TypeMismatch(`illegal base64 data at input byte ${text.length - (text.length % 4)}`);
  return text;
}

function time(type: "time" | "microtime", value: unknown): string | undefined {
  if (typeof value !== "string") {
    throw new TypeMismatch(`json: cannot unmarshal ${goKind(value)} into Go value of type string`);
  }
  const canonical = canonicalTime(value, type);
  if (canonical === undefined) {
    const layout = type === "time" ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00";
    throw new TypeMismatch(`parsing time ${JSON.stringify(value)} as "${layout}": cannot parse it`);
  }
  return canonical;
}

function quantity(value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  const problem = typeof text === "string" ? quantityProblem(text) : QUANTITY_RULE;
  if (typeof text !== "string" || problem !== undefined) throw new TypeMismatch(problem ?? QUANTITY_RULE);
  return canonicalQuantity(text);
}

function intOrString(value: unknown): number | string {
  if (typeof value === "string") return value;
  if (typeof value !== "number") {
    throw new TypeMismatch(`json: cannot unmarshal ${goKind(value)} into Go value of type int32`);
  }
  if (!Number.isInteger(value) || value >= RANGES.int32 || value < -RANGES.int32) {
    throw new TypeMismatch(`json: cannot unmarshal number ${value} into Go value of type int32`);
  }
  return value;
}

function mismatch(value: unknown, type: string, place: Place, literal = false): TypeMismatch {
  const what = literal ? `number ${String(value)}` : goKind(value);
  const into =
    place.goPath === "" ? `Go value of type ${type}` : `Go struct field ${place.owner}.${place.goPath} of type ${type}`;
  return new TypeMismatch(`json: cannot unmarshal ${what} into ${into}`);
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return value === null ? "null" : typeof value;
}

function goType(type: SchemaType): string {
  if ("list" in type) return `[]${goType(type.list)}`;
  if ("map" in type) return `map[string]${goType(type.map)}`;
  if ("object" in type) return type.object.split(".").slice(1).join(".");
  const names: Partial<Record<Primitive, string>> = {
    double: "float64",
    bytes: "[]uint8",
    quantity: "resource.Quantity",
    time: "v1.Time",
    microtime: "v1.MicroTime",
    "int-or-string": "intstr.IntOrString",
  };
  return names[type.primitive] ?? type.primitive;
}
