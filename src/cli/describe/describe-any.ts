import type { KubeObject } from "../../api/kinds.ts";
import { headLines, indented, type Lines } from "./description.ts";

/** Shown at the head, or of no use to people. */
const LEFT_OUT = new Set(["managedFields", "name", "namespace", "labels", "annotations"]);
const ACRONYMS = new Set(["api", "url", "uid", "osb", "guid"]);

/** A kind that has no description of its own: all of its fields. */
export function describeAny(object: KubeObject): Lines {
  const { metadata, ...fields } = object;
  const rest = Object.fromEntries(Object.entries(metadata).filter(([name]) => !LEFT_OUT.has(name)));
  return [...headLines(metadata), ...fieldLines({ ...fields, metadata: rest })];
}

function fieldLines(fields: object): string[] {
  return Object.entries(fields)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]: [string, unknown]) => {
      const title = titleOf(name);
      if (Array.isArray(value)) return [`${title}:`, ...indented(value.flatMap(itemLines), "  ")];
      if (typeof value === "object" && value !== null) return [`${title}:`, ...indented(fieldLines(value), "  ")];
      return [`${title}:\t${String(value)}`];
    });
}

function itemLines(item: unknown): string[] {
  return typeof item === "object" && item !== null ? fieldLines(item) : [String(item)];
}

/** `leaseDurationSeconds` is `Lease Duration Seconds`. */
function titleOf(field: string): string {
  return field
    .split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((word) =>
      ACRONYMS.has(word.toLowerCase()) ? word.toUpperCase() : `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`,
    )
    .join(" ");
}
