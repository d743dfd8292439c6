import generated from "./generated/schemas.json" with { type: "json" };

export type Primitive =
  | "string"
  | "bool"
  | "int32"
  | "int64"
  | "double"
  /** Base64 in JSON. */
  | "bytes"
  /** RFC 3339, seconds. */
  | "time"
  /** RFC 3339, microseconds. */
  | "microtime"
  | "quantity"
  | "int-or-string"
  /** Any JSON. */
  | "raw"
  | "duration"
  /** A list of strings under a type name of its own. */
  | "strings";

export type SchemaType =
  | { readonly primitive: Primitive }
  | { readonly list: SchemaType }
  | { readonly map: SchemaType }
  /** The name of a definition, e.g. `core.v1.Container`. */
  | { readonly object: string };

/** How a list or map merges: strategic merge patch's strategy and key, and server-side apply's type and keys. */
export interface ListMarks {
  /** `merge`, `retainKeys` or `merge,retainKeys`. */
  readonly strategy?: string;
  readonly mergeKey?: string;
  readonly type?: string;
  readonly keys?: readonly string[];
}

export interface Definition {
  readonly name: string;
  readonly required: readonly string[];
  readonly fields: ReadonlyMap<string, SchemaType>;
  readonly lists: Readonly<Record<string, ListMarks>>;
}

interface Generated {
  required?: string[];
  fields: Record<string, string>;
  lists?: Record<string, ListMarks>;
}

const definitions = generated as unknown as Readonly<Record<string, Generated>>;
const parsed = new Map<string, Definition>();

/** Throws for a name that was not generated: names come from declarations, never from a request. */
export function definitionOf(name: string): Definition {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const source = definitions[name];
  if (source === undefined) throw new Error(`Cannot find the schema ${name}: it was not generated`);
  const definition: Definition = {
    name,
    required: source.required ?? [],
    fields: new Map(Object.entries(source.fields).map(([field, type]) => [field, parseType(type)])),
    lists: source.lists ?? {},
  };
  parsed.set(name, definition);
  return definition;
}

export function definitionNames(): string[] {
  return Object.keys(definitions);
}

export function hasDefinition(name: string): boolean {
  return definitions[name] !== undefined;
}

function parseType(text: string): SchemaType {
  if (text.startsWith("[")) return { list: parseType(text.slice(1)) };
  if (text.startsWith("{")) return { map: parseType(text.slice(1)) };
  return text.includes(".") ? { object: text } : { primitive: text as Primitive };
}
