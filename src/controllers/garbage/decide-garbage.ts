import type { KindName, Kinds, OwnerReference } from "../../api/kinds.ts";
import { stored, type Stored } from "../../api/stored.ts";
import { refOf, remove, update, type Write } from "../controller.ts";
import { withOwners } from "../ownership.ts";

/** Finalizers of upstream's garbage collector (apimachinery `metav1.FinalizerOrphanDependents`, `...DeleteDependents`). */
export const ORPHAN = "orphan";
export const FOREGROUND = "foregroundDeletion";

export interface Dependent {
  readonly kind: KindName;
  readonly object: Stored<KindName>;
}

/**
 * - `solid`: the owner is there;
 * - `waiting`: it is there, but waits for its dependents to go first;
 * - `gone`: it was there and is no more, which somebody who may say so has confirmed.
 */
export type OwnerState = "solid" | "waiting" | "gone";

export interface GarbageSnapshot {
  readonly kind: KindName;
  readonly object: Stored<KindName>;
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[];
  readonly dependents: readonly Dependent[];
}

/** What is to be done about one object because of its owners and of its dependents. Pure. */
export function decideGarbage(snapshot: GarbageSnapshot): Write[] {
  const finalizers = snapshot.object.metadata.finalizers ?? [];
  const leaving = snapshot.object.metadata.deletionTimestamp !== undefined;
  if (leaving && finalizers.includes(ORPHAN)) return orphanDependents(snapshot);
  if (leaving && finalizers.includes(FOREGROUND)) return awaitDependents(snapshot);
  return leaving ? [] : followOwners(snapshot);
}

function orphanDependents({ kind, object, dependents }: GarbageSnapshot): Write[] {
  const { uid } = object.metadata;
  if (dependents.length === 0) return [withoutFinalizer({ kind, object }, ORPHAN)];
  return dependents.map((dependent) => {
    const owners = (dependent.object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
    return update(dependent.kind, withOwners(dependent.object as Kinds[KindName], owners));
  });
}

/** The dependents see to themselves; the owner goes once none is left that holds it up. */
function awaitDependents({ kind, object, dependents }: GarbageSnapshot): Write[] {
  const { uid } = object.metadata;
  const blocking = dependents.some(({ object: { metadata } }) =>
    metadata.ownerReferences?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true),
  );
  return blocking ? [] : [withoutFinalizer({ kind, object }, FOREGROUND)];
}

function followOwners({ kind, object, owners, dependents }: GarbageSnapshot): Write[] {
  const lost = owners.filter(({ state }) => state !== "solid");
  if (lost.length === 0) return [];
  if (lost.length < owners.length) {
    const kept = owners.filter(({ state }) => state === "solid").map(({ reference }) => reference);
    return [update(kind, withOwners(object as Kinds[KindName], kept))];
  }
  const waited = owners.some(({ state }) => state === "waiting");
  const finalizers = object.metadata.finalizers ?? [];
  const foreground = (waited && dependents.length > 0) || finalizers.includes(FOREGROUND);
  const propagationPolicy = finalizers.includes(ORPHAN) ? "Orphan" : foreground ? "Foreground" : "Background";
  return [remove(kind, refOf(object as Kinds[KindName]), { propagationPolicy })];
}

function withoutFinalizer({ kind, object }: Dependent, finalizer: string): Write {
  const { finalizers = [], ...metadata } = object.metadata;
  const rest = finalizers.filter((name) => name !== finalizer);
  const next = { ...object, metadata: { ...metadata, ...(rest.length > 0 ? { finalizers: rest } : {}) } };
  return update(kind, stored(next as Kinds[KindName]) as Kinds[KindName]);
}
