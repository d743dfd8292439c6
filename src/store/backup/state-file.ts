import type { KubeObject } from "../../api/kinds.ts";
import type { ObjectEntry } from "../object-entry.ts";
import type { Content } from "../object-state.ts";
import type { Key } from "../port.ts";
import { exportContext, SealError, type Sealer } from "../sealer.ts";
import { isContent } from "../split-object.ts";

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
/** Version 2 may hold sealed objects: { apiVersion, kind, metadata: { name, namespace }, "sealed": { "key", "text" } }. */
export const STATE_FILE_VERSION = 2;
/** What is written without any sealing, so that older programs read it. */
const PLAIN_VERSION = 1;

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
  source: {
    readonly resources: readonly string[];
    list(resource: string): readonly ObjectEntry[];
    readonly sealer?: Sealer | undefined;
  },
): Generator<string> {
  const { sealer } = source;
  const version = sealer ? STATE_FILE_VERSION : PLAIN_VERSION;
  yield `${JSON.stringify({ format: STATE_FORMAT, version, ...head }).slice(0, -1)}`;
  for (const [section, { resource }] of Object.entries(SECTIONS)) {
    yield `,\n"${section}":`;
    yield* writeObjects(source.list(resource), undefined);
  }
  const named = new Set(Object.values(SECTIONS).map(({ resource }) => resource));
  let separator = ',\n"resources":{';
  for (const resource of source.resources.filter((name) => !named.has(name)).toSorted()) {
    const entries = source.list(resource);
    if (entries.length === 0) continue;
    yield `${separator}\n${JSON.stringify(resource)}:`;
    yield* writeObjects(entries, sealer?.covers(resource) ? sealer : undefined);
    separator = ",";
  }
  yield separator === "," ? "}}\n" : `${separator}}}\n`;
}

function* writeObjects(entries: readonly ObjectEntry[], sealer: Sealer | undefined): Generator<string> {
  let separator = "{\n";
  for (const entry of entries) {
    const { namespace, name, resource } = entry.key;
    const id = namespace === "" ? name : `${namespace}/${name}`;
    const text = sealer
      ? JSON.stringify(sealedObject(entry.object, exportContext(resource, id), sealer))
      : entry.text();
    yield `${separator}${JSON.stringify(id)}:${text}`;
    entry.forgetText();
    separator = ",\n";
  }
  yield separator === "{\n" ? "{}" : "}";
}

function sealedObject(object: KubeObject, context: string, sealer: Sealer): Content {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  const sealed = sealer.seal(JSON.stringify(object), context);
  return { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) }, sealed };
}

/** The same file with every secret sealed by the current key; undefined where it is so already. */
export function resealStateFile(text: string, sealer: Sealer): string | undefined {
  const file = parse(text);
  const { resources } = file;
  if (!isContent(resources)) return undefined;
  let changed = false;
  const reseal = (resource: string, id: string, found: unknown): unknown => {
    if (!isContent(found)) return found;
    const { sealed } = found;
    if (isContent(sealed) && sealed["key"] === sealer.keyId) return found;
    changed = true;
    const object = unsealed(found, exportContext(resource, id), sealer);
    if (!isKubeObject(object)) throw new Error(`${resource} ${id} is not an object`);
    return sealedObject(object, exportContext(resource, id), sealer);
  };
  const result = Object.entries(resources).map(([resource, value]) => {
    if (!sealer.covers(resource) || typeof value !== "object" || value === null) return [resource, value];
    // A list is made a map: sealed objects go by their names.
    const entries = Object.entries(value).map(([id, found]: [string, unknown]) => {
      const key = Array.isArray(value) && isKubeObject(found) ? idOf(found) : id;
      return [key, reseal(resource, key, found)];
    });
    return [resource, Object.fromEntries(entries)];
  });
  if (!changed) return undefined;
  return `${JSON.stringify({ ...file, version: STATE_FILE_VERSION, resources: Object.fromEntries(result) as Content })}\n`;
}

function idOf({ metadata: { name = "", namespace = "" } }: KubeObject): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

function unsealed(found: Content, context: string, sealer: Sealer | undefined): unknown {
  const { sealed } = found;
  if (sealed === undefined) return found;
  if (!isContent(sealed)) throw new Error(`${context}: its "sealed" is not an object`);
  const [key, text] = [String(sealed["key"]), String(sealed["text"])];
  if (!sealer) throw new SealError(`its secrets are encrypted with the data key ${key}, and there is none`);
  return JSON.parse(sealer.open({ key, text }, context));
}

function parse(text: string): Content {
  const file: unknown = JSON.parse(text);
  if (!isContent(file)) throw new Error("it is not a JSON object");
  return file;
}

/** Throws an error that says what is wrong with the text. */
export function readStateFile(text: string, sealer?: Sealer): StateFileObject[] {
  const file = parse(text);
  const { format = STATE_FORMAT, version = STATE_FILE_VERSION, resources = {} } = file;
  if (format !== STATE_FORMAT) throw new Error(`its format is ${JSON.stringify(format)}, not ${STATE_FORMAT}`);
  if (typeof version !== "number" || version > STATE_FILE_VERSION)
    throw new Error(`its version is ${JSON.stringify(version)}; this program reads up to ${STATE_FILE_VERSION}`);
  if (!isContent(resources)) throw new Error("its resources are not an object");
  const objects = [
    ...Object.entries(SECTIONS).flatMap(([section, { resource, ...defaults }]) =>
      readSection(section, { resource, defaults, value: file[section], sealer }),
    ),
    ...Object.entries(resources).flatMap(([resource, value]) =>
      readSection(resource, { resource, defaults: {}, value, sealer }),
    ),
  ];
  if (objects.length === 0 && file["format"] === undefined) throw new Error("it has no section that is known");
  return objects;
}

function readSection(
  section: string,
  {
    resource,
    defaults,
    value,
    sealer,
  }: {
    readonly resource: string;
    readonly defaults: object;
    readonly value: unknown;
    readonly sealer: Sealer | undefined;
  },
): StateFileObject[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") throw new Error(`its ${section} are neither an object nor a list`);
  return Object.entries(value).map(([id, found]: [string, unknown]) => {
    const object: unknown = isContent(found)
      ? unsealed({ ...defaults, ...found }, exportContext(resource, id), sealer)
      : found;
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
