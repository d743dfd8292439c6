import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { declarations } from "../src/api/catalog.ts";
import protobuf from "../src/api/generated/protobuf.json" with { type: "json" };

/*
 * Writes src/api/generated/{schemas,descriptions}.json. Structure, required fields and descriptions come from the model
 * classes of @kubernetes/client-node; what those do not tell apart (quantities, integer sizes, how lists merge) comes from
 * src/api/generated/protobuf.json.
 */

interface ListMarks {
  strategy?: string;
  mergeKey?: string;
  type?: string;
  keys?: string[];
}

interface Definition {
  required?: string[];
  fields: Record<string, string>;
  lists?: Record<string, ListMarks>;
}

/** Kinds that the server takes or gives without storing them. */
const REQUEST_KINDS = [
  "meta.v1.DeleteOptions",
  "meta.v1.Status",
  "autoscaling.v1.Scale",
  "policy.v1.Eviction",
  "core.v1.Binding",
  "authentication.v1.TokenRequest",
  "authentication.v1.TokenReview",
  "authentication.v1.SelfSubjectReview",
  "authorization.v1.SubjectAccessReview",
  "authorization.v1.LocalSubjectAccessReview",
  "authorization.v1.SelfSubjectAccessReview",
  "authorization.v1.SelfSubjectRulesReview",
];

const output = fileURLToPath(new URL("../src/api/generated/", import.meta.url));
const models = join(dirname(createRequire(import.meta.url).resolve("@kubernetes/client-node")), "gen/models");
const messages = protobuf.messages as Record<string, Record<string, string>>;
const lists = protobuf.lists as Record<string, Record<string, ListMarks>>;

export function generateSchemas(): { schemas: string; descriptions: string } {
  const schemas: Record<string, Definition> = {};
  const descriptions: Record<string, Record<string, string>> = {};
  const waiting = [...REQUEST_KINDS];
  for (const { versions } of declarations) for (const { schema } of versions) waiting.push(schema, `${schema}List`);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (schemas[name] !== undefined) continue;
    const definition = readDefinition(name);
    schemas[name] = definition;
    descriptions[name] = readDescriptions(name);
    for (const type of Object.values(definition.fields)) {
      const bare = type.replace(/^[[{]+/, "");
      if (bare.includes(".")) waiting.push(bare);
    }
  }
  return { schemas: oneLineEach(schemas), descriptions: oneLineEach(descriptions) };
}

function readDefinition(name: string): Definition {
  const known = knownFields(name);
  const source = readModel(name, ".js");
  const fields: Record<string, string> = {};
  for (const match of source.matchAll(/"baseName": "([^"]+)",\s+"type": "([^"]+)",\s+"format": "([^"]*)"/g)) {
    const [, field = "", type = "", format = ""] = match;
    fields[field] = known.fields[field] ?? typeOf(type, format, name);
  }
  const required = [...readModel(name, ".d.ts").matchAll(/^ {4}'([^']+)': /gm)].map((match) =>
    baseName(match[1] ?? ""),
  );
  return {
    ...(required.length > 0 ? { required } : {}),
    fields,
    ...(Object.keys(known.lists).length > 0 ? { lists: known.lists } : {}),
  };
}

/** The types and list markers that the protobuf table has for a definition, with inlined messages spread out. */
function knownFields(name: string): { fields: Record<string, string>; lists: Record<string, ListMarks> } {
  const fields: Record<string, string> = {};
  const marks: Record<string, ListMarks> = { ...lists[name] };
  for (const [field, entry] of Object.entries(messages[name] ?? {})) {
    const type = entry.slice(entry.indexOf(" ") + 1).replace("?", "");
    if (type.startsWith("~")) {
      const inlined = knownFields(type.slice(1));
      Object.assign(fields, inlined.fields);
      Object.assign(marks, inlined.lists);
    } else fields[field] = type;
  }
  return { fields, lists: marks };
}

function readDescriptions(name: string): Record<string, string> {
  const source = readModel(name, ".d.ts");
  const found: Record<string, string> = {};
  const whole = /\/\*\*\n\* ((?:(?!\*\/)[\s\S])*?)\n\*\/\nexport declare class/.exec(source)?.[1];
  if (whole !== undefined) found[""] = tidy(whole);
  for (const match of source.matchAll(/\/\*\*\n {4}\* ((?:(?!\*\/)[\s\S])*?)\n {4}\*\/\n {4}'([^']+)'/g)) {
    found[baseName(match[2] ?? "")] = tidy(match[1] ?? "");
  }
  return found;
}

function tidy(text: string): string {
  return text
    .replaceAll(/\n\s*\* ?/g, "\n")
    .replaceAll("*_/", "*/")
    .replaceAll(/\\(["'\\])/g, "$1")
    .trim();
}

/** The generator puts an underscore before names that are words of JavaScript. */
function baseName(name: string): string {
  return name.replace(/^_/, "");
}

function typeOf(type: string, format: string, parent: string): string {
  const list = /^Array<(.+)>$/.exec(type)?.[1];
  if (list !== undefined) return `[${typeOf(list, format, parent)}`;
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (map !== undefined) return `{${typeOf(map, format, parent)}`;
  if (type === "string") return format === "byte" ? "bytes" : "string";
  if (type === "boolean") return "bool";
  if (type === "number") return format === "" ? "double" : format;
  if (type === "Date") return "time";
  if (type === "V1MicroTime") return "microtime";
  if (type === "IntOrString") return "int-or-string";
  if (type === "any" || type === "object") return "raw";
  throw new Error(`Cannot generate the schema of ${parent}: no rule for the type ${type}`);
}

function readModel(name: string, extension: ".js" | ".d.ts"): string {
  const [group = "", version = "", kind = ""] = name.split(".");
  const plain = `${version.toUpperCase()}${kind}`;
  const prefixed = `${group[0]?.toUpperCase() ?? ""}${group.slice(1)}${plain}`;
  for (const candidate of [prefixed, plain]) {
    try {
      return readFileSync(join(models, `${candidate}${extension}`), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error(`Cannot generate the schema of ${name}: @kubernetes/client-node has no model of that name`);
}

/** JSON with one line for each definition, sorted, so that changes are readable. */
function oneLineEach(definitions: Record<string, unknown>): string {
  const lines = Object.keys(definitions)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(definitions[name])}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

if (import.meta.main) {
  const { schemas, descriptions } = generateSchemas();
  writeFileSync(join(output, "schemas.json"), schemas);
  writeFileSync(join(output, "descriptions.json"), descriptions);
}
