import type { KubeObject } from "../api/kinds.ts";
import type { ObjectEntry } from "./object-entry.ts";
import type { Key } from "./port.ts";
import { isContent } from "./split-object.ts";

/**
 * The form of backups and exports, one JSON object:
 *
 *     {
 *       "format": "podman-swarm-state", "version": 1, "createdAt": RFC 3339, "node": NAME,
 *       "deployments": { "NAMESPACE/NAME": OBJECT, ... }, "services": {...}, "ingresses": {...}, "pods": {...},
 *       "resources": { "PLURAL" or "PLURAL.GROUP": { "NAMESPACE/NAME" or "NAME": OBJECT, ... }, ... }
 *     }
 *
 * The four sections are those of the older state.json; `resources` has everything else. What expires by itself is left
 * out. When read, "format", "version" and any section may be missing, a section may be a list, and the objects of the
 * four may leave out apiVersion and kind.
 */
export const STATE_FORMAT = "podman-swarm-state";
export const STATE_FILE_VERSION = 1;

const SECTIONS: Readonly<
  Record<string, { readonly resource: string; readonly apiVersion: string; readonly kind: string }>
> = {
  deployments: { resource: "deployments.apps", apiVersion: "apps/v1", kind: "Deployment" },
  services: { resource: "services", apiVersion: "v1", kind: "Service" },
  ingresses: { resource: "ingresses.networking.k8s.io", apiVersion: "networking.k8s.io/v1", kind: "Ingress" },
  pods: { resource: "pods", apiVersion: "v1", kind: "Pod" },
};

export interface StateFileObject {
  readonly key: Key;
  readonly object: KubeObject;
}

/** The text of a state file, in pieces of one object or less. `list` gives a resource's entries. */
export function* writeStateFile(
  head: { readonly createdAt: string; readonly node: string },
  source: { readonly resources: readonly string[]; list(resource: string): readonly ObjectEntry[] },
): Generator<string> {
  yield `${JSON.stringify({ format: STATE_FORMAT, version: STATE_FILE_VERSION, ...head }).slice(0, -1)}`;
  for (const [section, { resource }] of Object.entries(SECTIONS)) {
    yield `,\n"${section}":`;
    yield* writeObjects(source.list(resource));
  }
  const named = new Set(Object.values(SECTIONS).map(({ resource }) => resource));
  let separator = ',\n"resources":{';
  for (const resource of source.resources.filter((name) => !named.has(name)).toSorted()) {
    const entries = source.list(resource);
    if (entries.length === 0) continue;
    yield `${separator}\n${JSON.stringify(resource)}:`;
    yield* writeObjects(entries);
    separator = ",";
  }
  yield separator === "," ? "}}\n" : `${separator}}}\n`;
}

function* writeObjects(entries: readonly ObjectEntry[]): Generator<string> {
  let separator = "{\n";
  for (const entry of entries) {
    const { namespace, name } = entry.key;
    yield `${separator}${JSON.stringify(namespace === "" ? name : `${namespace}/${name}`)}:${entry.text()}`;
    entry.forgetText();
    separator = ",\n";
  }
  yield separator === "{\n" ? "{}" : "}";
}

/** Throws an error that says what is wrong with the text. */
export function readStateFile(text: string): StateFileObject[] {
  const file: unknown = JSON.parse(text);
  if (!isContent(file)) throw new Error("it is not a JSON object");
  const { format = STATE_FORMAT, version = STATE_FILE_VERSION, resources = {} } = file;
  if (format !== STATE_FORMAT) throw new Error(`its format is ${JSON.stringify(format)}, not ${STATE_FORMAT}`);
  if (typeof version !== "number" || version > STATE_FILE_VERSION)
    throw new Error(`its version is ${JSON.stringify(version)}; this program reads up to ${STATE_FILE_VERSION}`);
  if (!isContent(resources)) throw new Error("its resources are not an object");
  const objects = [
    ...Object.entries(SECTIONS).flatMap(([section, { resource, ...defaults }]) =>
      readSection(section, { resource, defaults, value: file[section] }),
    ),
    ...Object.entries(resources).flatMap(([resource, value]) =>
      readSection(resource, { resource, defaults: {}, value }),
    ),
  ];
  if (objects.length === 0 && file["format"] === undefined) throw new Error("it has no section that is known");
  return objects;
}

function readSection(
  section: string,
  { resource, defaults, value }: { readonly resource: string; readonly defaults: object; readonly value: unknown },
): StateFileObject[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") throw new Error(`its ${section} are neither an object nor a list`);
  return Object.entries(value).map(([id, found]: [string, unknown]) => {
    const object: unknown = isContent(found) ? { ...defaults, ...found } : found;
    if (!isKubeObject(object))
      throw new Error(`${section} ${id} is not an object with apiVersion, kind and metadata.name`);
    const { name = "", namespace = id.includes("/") ? id.slice(0, id.indexOf("/")) : "" } = object.metadata;
    return { key: { resource, namespace, name }, object };
  });
}

function isKubeObject(value: unknown): value is KubeObject {
  if (!isContent(value) || !isContent(value["metadata"])) return false;
  const { name } = value["metadata"];
  const texts = [value["apiVersion"], value["kind"], name];
  return texts.every((text) => typeof text === "string" && text !== "");
}
