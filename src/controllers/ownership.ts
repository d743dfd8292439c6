import type { KindName, Kinds, ObjectMeta, OwnerReference } from "../api/kinds.ts";
import { stored, type Stored } from "../api/stored.ts";
import { update, type Write } from "./controller.ts";

/** The owner that manages an object, of which there is at most one. */
export function controllerOf(metadata: ObjectMeta | undefined): OwnerReference | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true);
}

export function controllerReference(kind: KindName, apiVersion: string, owner: Kinds[KindName]): OwnerReference {
  const { name = "", uid = "" } = owner.metadata ?? {};
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export interface Claim<K extends KindName> {
  readonly kind: K;
  readonly owner: OwnerReference;
  /** False while the owner is being deleted: it adopts nothing more. */
  readonly adopts: boolean;
  readonly matches: (object: Stored<K>) => boolean;
}

/**
 * Sorts candidates by whether they belong to the owner. What matches but has no controller is adopted; what no longer
 * matches is let go. Neither happens to what is being deleted.
 */
export function claim<K extends KindName>(
  candidates: readonly Stored<K>[],
  { kind, owner, adopts, matches }: Claim<K>,
): { readonly owned: readonly Stored<K>[]; readonly writes: readonly Write[] } {
  const owned: Stored<K>[] = [];
  const writes: Write[] = [];
  for (const object of candidates) {
    const controller = controllerOf(object.metadata);
    const leaving = object.metadata.deletionTimestamp !== undefined;
    if (controller && controller.uid !== owner.uid) continue;
    if (controller) {
      if (matches(object)) owned.push(object);
      else if (!leaving && adopts) writes.push(update(kind, withOwners(object, without(object, owner.uid))));
    } else if (adopts && !leaving && matches(object)) {
      owned.push(object);
      writes.push(update(kind, withOwners(object, [...without(object, owner.uid), owner])));
    }
  }
  return { owned, writes };
}

export function without(object: Kinds[KindName], uid: string): OwnerReference[] {
  return (object.metadata?.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
}

export function withOwners<K extends KindName>(object: Kinds[K], owners: OwnerReference[]): Kinds[K] {
  const { ownerReferences: _, ...metadata } = stored(object).metadata;
  return { ...object, metadata: { ...metadata, ...(owners.length > 0 ? { ownerReferences: owners } : {}) } };
}
