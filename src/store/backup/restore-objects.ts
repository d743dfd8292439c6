import type { KubeObject, OwnerReference } from "../../api/kinds.ts";
import { describeError } from "../../lib/log.ts";
import type { ObjectState } from "../object-state.ts";
import type { Key, Store } from "../port.ts";
import type { StateFileObject } from "./state-file.ts";

export interface RestoreTarget extends Store {
  state(key: Key): ObjectState | undefined;
}

export interface RestoreDeps {
  readonly store: RestoreTarget;
  readonly uuid: () => string;
  /** Completes an object as the API server would, or throws why it cannot be taken. */
  readonly prepare?: ((key: Key, object: KubeObject) => KubeObject) | undefined;
}

export interface RestoreResult {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}

const AT_ONCE = 256;

/**
 * Brings objects back by normal writes with new stamps: creates what is missing, gives what exists the restored spec
 * and metadata and leaves its status, and deletes nothing. Owners keep their dependants: references follow the uids.
 * A uid that was deleted here is not used again. Nothing is written when `prepare` refuses an object.
 */
export async function restoreObjects(deps: RestoreDeps, objects: readonly StateFileObject[]): Promise<RestoreResult> {
  const uids = new Map<string, string>();
  for (const { key, object } of objects) {
    const { uid } = object.metadata;
    if (uid !== undefined) uids.set(uid, restoredUid(deps, key, uid));
  }
  const prepared = objects.map(({ key, object }) => ({ key, object: prepare(deps, key, relink(object, uids)) }));
  const counts = { created: 0, updated: 0, unchanged: 0 };
  for (let start = 0; start < prepared.length; start += AT_ONCE) {
    const group = prepared.slice(start, start + AT_ONCE).map(({ key, object }) => restoreOne(deps.store, key, object));
    for (const outcome of await Promise.all(group)) counts[outcome] += 1;
  }
  return counts;
}

function restoredUid({ store, uuid }: RestoreDeps, key: Key, uid: string): string {
  const existing = store.state(key);
  if (existing === undefined) return uid;
  if (existing.tombstone === undefined) return existing.uid;
  return existing.uid === uid ? uuid() : uid;
}

function relink(object: KubeObject, uids: ReadonlyMap<string, string>): KubeObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  if (metadata.uid !== undefined) metadata.uid = uids.get(metadata.uid) ?? metadata.uid;
  const owners = metadata.ownerReferences?.map((owner: OwnerReference) => ({
    ...owner,
    uid: uids.get(owner.uid) ?? owner.uid,
  }));
  if (owners) metadata.ownerReferences = owners;
  return { ...object, metadata };
}

function prepare({ prepare: complete }: RestoreDeps, key: Key, object: KubeObject): KubeObject {
  if (!complete) return object;
  try {
    return complete(key, object);
  } catch (error) {
    throw new Error(`Cannot restore ${key.resource} ${key.namespace}/${key.name}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

async function restoreOne(store: Store, key: Key, object: KubeObject): Promise<keyof RestoreResult> {
  const existing = store.get(key);
  if (!existing) {
    await store.create(key, object);
    return "created";
  }
  const { uid: _, ...metadata } = object.metadata;
  const unbound = withoutBinding(key, { ...object, metadata });
  const updated = await store.update(key, unbound, { register: "main" });
  return updated === existing ? "unchanged" : "updated";
}

/** Where a pod runs now is not changed by what ran where at the time of the backup. */
function withoutBinding(key: Key, object: KubeObject): KubeObject {
  if (key.resource !== "pods" || typeof object["spec"] !== "object" || object["spec"] === null) return object;
  const { nodeName: _, ...spec } = object["spec"] as Record<string, unknown>;
  return { ...object, spec };
}
