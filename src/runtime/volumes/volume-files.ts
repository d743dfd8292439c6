import type { Container, Pod, Volume } from "../../api/kinds.ts";
import type { Objects } from "../../api/objects.ts";
import { containerNamed } from "../env/environment.ts";
import { fieldValue, resourceValue, type Placement } from "../env/field-value.ts";
import type { FileTree } from "./file-tree.ts";

type Reads = Pick<Objects, "get">;
type Files = Map<string, { data: Buffer; mode: number }>;

/** Why a volume cannot be set up. */
export class VolumeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "VolumeError";
  }
}

interface FilesContext {
  readonly objects: Reads;
  readonly placement: Placement;
  readonly pod: Pod;
}

interface Item {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

const DEFAULT_MODE = 0o644;

/** The files of a configMap, secret, downwardAPI or projected volume; undefined for the other types. */
export function volumeFiles(volume: Volume, context: FilesContext): FileTree | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return keyed(configMapData(configMap, context), { ...configMap, what: "configmap" });
  if (secret) {
    const { secretName: name, ...rest } = secret;
    return keyed(secretData({ ...rest, name }, context), { ...rest, name, what: "secret" });
  }
  if (downwardAPI) return downward(downwardAPI.items ?? [], downwardAPI.defaultMode ?? DEFAULT_MODE, context);
  if (projected) return projectedFiles(projected, context);
  return undefined;
}

function projectedFiles(projected: NonNullable<Volume["projected"]>, context: FilesContext): FileTree {
  const defaultMode = projected.defaultMode ?? DEFAULT_MODE;
  const all: Files = new Map();
  for (const source of projected.sources ?? []) {
    const { configMap, secret, downwardAPI } = source;
    let files: FileTree;
    if (configMap) {
      files = keyed(configMapData(configMap, context), { ...configMap, defaultMode, what: "configmap" });
    } else if (secret) {
      files = keyed(secretData(secret, context), { ...secret, defaultMode, what: "secret" });
    } else if (downwardAPI) files = downward(downwardAPI.items ?? [], defaultMode, context);
    else throw new VolumeError(`projected source ${Object.keys(source).join(", ")} is not supported yet`);
    for (const [path, file] of files) all.set(path, file);
  }
  return all;
}

interface Named {
  readonly name?: string | undefined;
  readonly optional?: boolean | undefined;
}

function configMapData({ name = "", optional }: Named, { objects, pod }: FilesContext): Map<string, Buffer> {
  const found = objects.get("ConfigMap", { namespace: pod.metadata?.namespace, name });
  if (!found && !optional) throw new VolumeError(`configmap "${name}" not found`);
  const text = Object.entries(found?.data ?? {}).map(([key, value]): [string, Buffer] => [key, Buffer.from(value)]);
  return new Map([...text, ...decoded(found?.binaryData)]);
}

function secretData({ name = "", optional }: Named, { objects, pod }: FilesContext): Map<string, Buffer> {
  const found = objects.get("Secret", { namespace: pod.metadata?.namespace, name });
  if (!found && !optional) throw new VolumeError(`secret "${name}" not found`);
  return new Map(decoded(found?.data));
}

function decoded(data: Readonly<Record<string, string>> = {}): [string, Buffer][] {
  return Object.entries(data).map(([key, base64]) => [key, Buffer.from(base64, "base64")]);
}

interface KeyedOptions extends Named {
  readonly items?: readonly Item[];
  readonly defaultMode?: number;
  readonly what: string;
}

function keyed(data: Map<string, Buffer>, options: KeyedOptions): FileTree {
  const { items, defaultMode = DEFAULT_MODE, optional, what, name } = options;
  const files: Files = new Map();
  const wanted: readonly Item[] = items ?? [...data.keys()].map((key) => ({ key, path: key }));
  for (const { key, path, mode = defaultMode } of wanted) {
    const content = data.get(key);
    if (content) files.set(checked(path), { data: content, mode });
    else if (!optional) throw new VolumeError(`${what} "${name ?? ""}": references non-existent config key: ${key}`);
  }
  return files;
}

type DownwardItem = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>[number];

function downward(items: readonly DownwardItem[], defaultMode: number, context: FilesContext): FileTree {
  const { pod, placement } = context;
  const files: Files = new Map();
  for (const { path, mode = defaultMode, fieldRef, resourceFieldRef } of items) {
    let value = "";
    if (fieldRef) value = fieldValue(fieldRef.fieldPath, pod, placement);
    else if (resourceFieldRef) {
      const container: Container = containerNamed(pod, resourceFieldRef.containerName ?? "");
      value = resourceValue(resourceFieldRef, container, placement);
    }
    files.set(checked(path), { data: Buffer.from(value), mode });
  }
  return files;
}

/** The API server checks paths too; a path that leaves the volume must never reach the disk. */
function checked(path: string): string {
  if (path.startsWith("/") || path.split("/").includes("..")) throw new VolumeError(`path ${path} leaves the volume`);
  return path;
}
