import type { KindDeclaration } from "../../api/kind.ts";
import type { KubeObject, Namespace, Pod } from "../../api/kinds.ts";
import type { DeleteOptions } from "../../api/objects.ts";
import { timestamp } from "../../lib/clock.ts";

/** Finalizers that ask the garbage collector for its work (apimachinery `metav1.FinalizerDeleteDependents`, `...Orphan`). */
export const FOREGROUND_FINALIZER = "foregroundDeletion";
export const ORPHAN_FINALIZER = "orphan";

const DEFAULT_POD_GRACE_SECONDS = 30;

export type DeletionPlan =
  /** Write the tombstone now. */
  | { readonly type: "remove" }
  /** Store this: the object stays until its finalizers are gone and its grace is over. */
  | { readonly type: "mark"; readonly object: KubeObject }
  /** It is on its way out already, and nothing about that changes. */
  | { readonly type: "wait" };

/** What a delete does to an object. Pure. */
export function planDeletion(
  kind: KindDeclaration,
  object: KubeObject,
  { options, now }: { readonly options: DeleteOptions; readonly now: number },
): DeletionPlan {
  const grace = gracePeriod(kind, object, options);
  const finalizers = wantedFinalizers(object, options);
  const pending = finalizers.length > 0 || hasSpecFinalizers(kind, object);
  if (grace === 0 && !pending) return { type: "remove" };
  const marked = object.metadata.deletionTimestamp !== undefined;
  const shorter = marked && grace < (object.metadata.deletionGracePeriodSeconds ?? 0);
  const same = sameItems(finalizers, object.metadata.finalizers ?? []);
  if (marked && !shorter && same) return { type: "wait" };
  const next = structuredClone(object);
  const meta = next.metadata;
  if (finalizers.length > 0) meta.finalizers = [...finalizers];
  else delete meta.finalizers;
  if (!marked || shorter) {
    meta.deletionGracePeriodSeconds = grace;
    meta.deletionTimestamp = timestamp(now + grace * 1000);
    if (kind.generation && !marked) meta.generation = (meta.generation ?? 0) + 1;
  }
  return { type: "mark", object: next };
}

/** True when nothing holds an object that is marked for deletion any more. */
export function isFinished(kind: KindDeclaration, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    (deletionGracePeriodSeconds ?? 0) === 0 &&
    (finalizers ?? []).length === 0 &&
    !hasSpecFinalizers(kind, object)
  );
}

/** Only a pod that runs on a node needs time; its node ends it with a delete of grace 0. */
function gracePeriod(kind: KindDeclaration, object: KubeObject, options: DeleteOptions): number {
  if (kind.kind !== "Pod") return 0;
  const pod = object as unknown as Pod;
  const asked = options.gracePeriodSeconds;
  if (asked === 0 || !pod.spec?.nodeName) return 0;
  if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return 0;
  const before = pod.metadata?.deletionGracePeriodSeconds;
  const wanted = asked ?? before ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_POD_GRACE_SECONDS;
  // A negative period of the pod's own means the shortest one, as upstream has it.
  return wanted < 0 ? 1 : Math.floor(wanted);
}

function wantedFinalizers(object: KubeObject, { propagationPolicy }: DeleteOptions): readonly string[] {
  const present = object.metadata.finalizers ?? [];
  if (propagationPolicy === undefined) return present;
  const others = present.filter((name) => name !== FOREGROUND_FINALIZER && name !== ORPHAN_FINALIZER);
  if (propagationPolicy === "Foreground") return [...others, FOREGROUND_FINALIZER];
  if (propagationPolicy === "Orphan") return [...others, ORPHAN_FINALIZER];
  return others;
}

function hasSpecFinalizers(kind: KindDeclaration, object: KubeObject): boolean {
  return kind.kind === "Namespace" && ((object as unknown as Namespace).spec?.finalizers ?? []).length > 0;
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}
