import type { Stored } from "../../api/stored.ts";

export type Deployment = Stored<"Deployment">;
export type ReplicaSet = Stored<"ReplicaSet">;

/** Annotations of upstream's deployment controller (`deploymentutil`). */
export const REVISION = "deployment.kubernetes.io/revision";
export const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
export const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
export const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";

export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

export function replicasOf(set: ReplicaSet | undefined): number {
  return set ? (set.spec.replicas ?? 1) : 0;
}

export function sum(sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number | undefined): number {
  return sets.reduce((total, set) => total + (count(set) ?? 0), 0);
}

export function isRolling(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== "Recreate";
}

/** How many pods may be there beyond, and may be missing of, the wanted number. Not both are 0, or nothing could move. */
export function bounds(deployment: Deployment): { readonly maxSurge: number; readonly maxUnavailable: number } {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const replicas = wantedReplicas(deployment);
  const surge = scaled(maxSurge, { of: replicas, round: Math.ceil });
  const unavailable = scaled(maxUnavailable, { of: replicas, round: Math.floor });
  const missing = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { maxSurge: surge, maxUnavailable: Math.min(missing, replicas) };
}

/** A number, or a percentage of a number. */
function scaled(value: unknown, { of, round }: { of: number; round: (value: number) => number }): number {
  if (typeof value === "number") return value;
  const match = /^(\d+)%$/.exec(String(value));
  return match ? round((Number(match[1]) * of) / 100) : 0;
}

/** How many replicas the newest set should have during a rollout, before old ones make room. */
export function newSetReplicas(
  deployment: Deployment,
  { all, current }: { readonly all: readonly ReplicaSet[]; readonly current: number },
): number {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = wanted + bounds(deployment).maxSurge - sum(all, replicasOf);
  return room <= 0 ? current : Math.min(current + room, wanted);
}

/**
 * Shares `toAdd` replicas (negative: to take away) among sets in proportion to their sizes, biggest first; of two of one
 * size the newer is served first when growing and the older when shrinking. What rounding leaves goes to the first.
 */
export function proportionalSizes(
  deployment: Deployment,
  { sets, toAdd }: { readonly sets: readonly ReplicaSet[]; readonly toAdd: number },
): Map<string, number> {
  const order = sets.toSorted((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  const sizes = new Map<string, number>();
  let added = 0;
  for (const set of order) {
    const allowed = toAdd - added;
    const share = replicasOf(set) === 0 || allowed === 0 ? 0 : fraction(set, deployment);
    const part = toAdd > 0 ? Math.min(share, allowed) : Math.max(share, allowed);
    sizes.set(set.metadata.uid, replicasOf(set) + (toAdd === 0 ? 0 : part));
    added += toAdd === 0 ? 0 : part;
  }
  const [first] = order;
  if (first && toAdd !== added) {
    sizes.set(first.metadata.uid, Math.max(0, (sizes.get(first.metadata.uid) ?? 0) + toAdd - added));
  }
  return sizes;
}

/** The set's share of the change from the size that it was made for to the deployment's present one. */
function fraction(set: ReplicaSet, deployment: Deployment): number {
  const wanted = wantedReplicas(deployment);
  if (wanted === 0) return -replicasOf(set);
  const before = integer(set.metadata.annotations?.[MAX_REPLICAS]) ?? deployment.status?.replicas ?? 0;
  if (before === 0) return 0;
  return Math.round((replicasOf(set) * (wanted + bounds(deployment).maxSurge)) / before) - replicasOf(set);
}

export function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Oldest first; names decide between two of the same second. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const first = a.metadata.creationTimestamp ?? "";
  const second = b.metadata.creationTimestamp ?? "";
  if (first !== second) return first < second ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

export function revisionOf(set: {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}): number {
  return integer(set.metadata.annotations?.[REVISION]) ?? 0;
}
