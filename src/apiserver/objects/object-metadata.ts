import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { ApiError } from "../../api/api-error.ts";
import { invalid, invalidObject, required } from "../../api/field-error.ts";
import type { KindDeclaration } from "../../api/kind.ts";
import type { KubeObject, ObjectMeta } from "../../api/kinds.ts";
import { type Clock, timestamp } from "../../lib/clock.ts";
import { nameSuffix, type Random } from "../../lib/random.ts";

/** Upstream's limit: the base is cut so that name and suffix stay below 63 characters. */
const LONGEST_GENERATED_BASE = 58;

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
}

/** The name that a create asks for; undefined where one is to be generated. */
export function requestedName(object: KubeObject): string | undefined {
  const name = object.metadata.name;
  return name === undefined || name === "" ? undefined : name;
}

/** A name from `generateName`. With a cause it is always the same one, so that two nodes make one object. */
export function generatedName(base: string, random: Random, cause?: readonly string[]): string {
  const short = base.slice(0, LONGEST_GENERATED_BASE);
  if (!cause) return `${short}${nameSuffix(random)}`;
  const digest = createHash("sha256").update(JSON.stringify(cause)).digest();
  let at = 0;
  const fixed: Random = { next: () => (digest[at++ % digest.length] ?? 0) / 256, uuid: () => "" };
  return `${short}${nameSuffix(fixed)}`;
}

/** Sets what the server alone decides on a new object. */
export function stampNew(kind: KindDeclaration, object: KubeObject, { clock, random }: Deps, caused: boolean): void {
  const meta = object.metadata;
  if (meta.resourceVersion !== undefined && meta.resourceVersion !== "" && meta.resourceVersion !== "0") {
    throw new ApiError("BadRequest", "resourceVersion should not be set on objects to be created");
  }
  object.kind = kind.kind;
  object.apiVersion = kind.storage.apiVersion;
  for (const field of SERVER_FIELDS) delete meta[field];
  if (!kind.namespaced) delete meta.namespace;
  if (!caused) meta.uid = random.uuid();
  meta.creationTimestamp = timestamp(clock.now());
  if (kind.generation) meta.generation = 1;
}

const SERVER_FIELDS = [
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "managedFields",
  "selfLink",
] as const satisfies readonly (keyof ObjectMeta)[];

/** Carries over what an update cannot change, so that clients may send back what they read or leave it out. */
export function stampUpdate(kind: KindDeclaration, next: KubeObject, previous: KubeObject): void {
  const meta = next.metadata as Record<string, unknown>;
  const old = previous.metadata as Record<string, unknown>;
  for (const field of [...SERVER_FIELDS, "name", "namespace", "generateName"] as const) {
    if (old[field] === undefined) delete meta[field];
    else meta[field] = old[field];
  }
  next.kind = previous.kind;
  next.apiVersion = previous.apiVersion;
  if (kind.status) copyField(next, previous, "status");
}

export function copyField(next: KubeObject, previous: KubeObject, field: string): void {
  if (previous[field] === undefined) delete next[field];
  else next[field] = structuredClone(previous[field]);
}

/** The spec, or for kinds without one everything but metadata and status, has changed. */
export function specChanged(next: KubeObject, previous: KubeObject): boolean {
  const rest = ({ metadata: _metadata, status: _status, ...other }: KubeObject): object => other;
  return !isDeepStrictEqual(rest(next), rest(previous));
}

/** Refuses a new object without a name, or with one that its kind does not allow. */
export function checkName(kind: KindDeclaration, object: KubeObject): void {
  const { name, generateName } = object.metadata;
  const about = { kind: kind.kind, group: kind.group, name: name ?? generateName ?? "" };
  if (name === undefined || name === "") {
    throw invalidObject(about, [required("metadata.name", "name or generateName is required")]);
  }
  const wrong = kind.validateName(name);
  if (wrong.length > 0)
    throw invalidObject(
      about,
      wrong.map((text) => invalid("metadata.name", name, text)),
    );
}
