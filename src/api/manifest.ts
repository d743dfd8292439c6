import type { KubeObject } from "./kinds.ts";
import { YamlError, parseYaml } from "./yaml.ts";

/** One object of a manifest and where it stands, for errors that a reader can follow. */
export interface ManifestObject {
  readonly object: KubeObject;
  /** Counted from 1; the items of a List share theirs. */
  readonly document: number;
  /** The document's first line, from 1. */
  readonly line: number;
  /** Paths of keys that stand twice. */
  readonly duplicates: readonly string[];
}

/** A manifest that cannot be read. The message names the source, the document and the line. */
export class ManifestError extends Error {
  constructor(source: string, place: { readonly document: number; readonly line: number }, why: string) {
    super(`Cannot read ${source}: document ${place.document}, line ${place.line}: ${why}`);
    this.name = "ManifestError";
  }
}

/**
 * The objects of a text with any number of YAML or JSON documents, in order. Empty documents are skipped, and Lists give
 * their items. `source` names the text in errors. Throws ManifestError.
 */
export function readManifest(text: string, source: string): ManifestObject[] {
  const objects: ManifestObject[] = [];
  for (const [index, { value, line, duplicates }] of documentsOf(text, source).entries()) {
    if (value === null || value === undefined) continue;
    const place = { document: index + 1, line };
    for (const object of objectsOf(value, (why) => new ManifestError(source, place, why))) {
      objects.push({ object, ...place, duplicates });
    }
  }
  return objects;
}

function documentsOf(text: string, source: string): ReturnType<typeof parseYaml> {
  try {
    return parseYaml(text);
  } catch (error) {
    if (error instanceof YamlError) throw new ManifestError(source, error, error.message);
    throw error;
  }
}

function objectsOf(value: unknown, refuse: (why: string) => ManifestError): KubeObject[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("an object with apiVersion, kind and metadata belongs here");
  }
  const { apiVersion, kind, items, metadata } = value as Record<string, unknown>;
  if (typeof apiVersion !== "string" || apiVersion === "") throw refuse("apiVersion not set");
  if (typeof kind !== "string" || kind === "") throw refuse("kind not set");
  if (kind.endsWith("List") && Array.isArray(items)) {
    // The items of a typed list may leave out what the list says.
    const typed = kind === "List" ? {} : { apiVersion, kind: kind.slice(0, -"List".length) };
    return items.flatMap((item: unknown) =>
      objectsOf(typeof item === "object" && item !== null ? { ...typed, ...item } : item, refuse),
    );
  }
  if (metadata !== undefined && (typeof metadata !== "object" || metadata === null || Array.isArray(metadata))) {
    throw refuse("metadata must be an object");
  }
  return [{ ...value, apiVersion, kind, metadata: metadata ?? {} } as KubeObject];
}
