import { isFinished } from "../../api/pod-state.ts";
import type { Stored } from "../../api/stored.ts";
import {
  bounds,
  byAge,
  DESIRED_REPLICAS,
  integer,
  isRolling,
  newSetReplicas,
  proportionalSizes,
  replicasOf,
  sum,
  wantedReplicas,
  type Deployment,
  type ReplicaSet,
} from "./rollout-numbers.ts";
import { isComplete, type Sets } from "./progress.ts";

/** Wanted sizes of sets, in the order in which they were decided. */
export type Sizes = ReadonlyMap<ReplicaSet, number>;

const NO_CHANGE: Sizes = new Map();

/** True when the deployment's own size changed since its sets were last given theirs. */
export function isResized(deployment: Deployment, { all }: Sets): boolean {
  return all.some((set) => {
    if (replicasOf(set) === 0) return false;
    const desired = integer(set.metadata.annotations?.[DESIRED_REPLICAS]);
    return desired !== undefined && desired !== wantedReplicas(deployment);
  });
}

/** Sizes after a change of the deployment's own size, or while it is paused: sets keep their proportions. */
export function resize(deployment: Deployment, { newSet, old, all }: Sets): Sizes {
  const wanted = wantedReplicas(deployment);
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? old.toSorted(byAge).at(-1);
    return only ? new Map([[only, wanted]]) : NO_CHANGE;
  }
  if (newSet && isSaturated(deployment, newSet)) {
    return new Map(old.filter((set) => replicasOf(set) > 0).map((set) => [set, 0]));
  }
  if (!isRolling(deployment)) return NO_CHANGE;
  const allowed = wanted > 0 ? wanted + bounds(deployment).maxSurge : 0;
  const sizes = proportionalSizes(deployment, { sets: active, toAdd: allowed - sum(active, replicasOf) });
  return new Map(active.map((set) => [set, sizes.get(set.metadata.uid) ?? replicasOf(set)]));
}

function isSaturated(deployment: Deployment, newSet: ReplicaSet): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    replicasOf(newSet) === wanted &&
    integer(newSet.metadata.annotations?.[DESIRED_REPLICAS]) === wanted &&
    newSet.status?.availableReplicas === wanted
  );
}

/** The next step of a rolling update: grow the new set as far as the surge allows, else make room among the old. */
export function rollingStep(deployment: Deployment, { newSet, old, all }: Sets): Sizes {
  if (!newSet) return NO_CHANGE;
  const current = replicasOf(newSet);
  const grown =
    current > wantedReplicas(deployment) ? wantedReplicas(deployment) : newSetReplicas(deployment, { all, current });
  if (grown !== current) return new Map([[newSet, grown]]);
  if (sum(old, replicasOf) === 0) return NO_CHANGE;
  const minimum = wantedReplicas(deployment) - bounds(deployment).maxUnavailable;
  const unavailable = current - (newSet.status?.availableReplicas ?? 0);
  const mayGo = sum(all, replicasOf) - minimum - unavailable;
  return mayGo <= 0 ? NO_CHANGE : shrink({ old, all, minimum, mayGo });
}

/** Takes pods that are not available first: they serve nobody, and a stuck rollout must not cost a healthy one. */
function shrink({
  old,
  all,
  minimum,
  mayGo,
}: {
  readonly old: readonly ReplicaSet[];
  readonly all: readonly ReplicaSet[];
  readonly minimum: number;
  readonly mayGo: number;
}): Sizes {
  const sizes = new Map<ReplicaSet, number>();
  const order = old.toSorted(byAge).filter((set) => replicasOf(set) > 0);
  let left = mayGo;
  for (const set of order) {
    const unhealthy = replicasOf(set) - (set.status?.availableReplicas ?? 0);
    const goes = Math.min(left, Math.max(0, unhealthy));
    left -= goes;
    if (goes > 0) sizes.set(set, replicasOf(set) - goes);
  }
  let spare = Math.min(sum(all, ({ status }) => status?.availableReplicas) - minimum, left);
  for (const set of order) {
    const size = sizes.get(set) ?? replicasOf(set);
    const goes = Math.min(Math.max(0, spare), size);
    spare -= goes;
    if (goes > 0) sizes.set(set, size - goes);
  }
  return sizes;
}

/** The next step of "Recreate": all old pods go, and only when none of them runs any more the new ones come. */
export function recreateStep(
  deployment: Deployment,
  { newSet, old }: Sets,
  podsOf: (uid: string) => readonly Stored<"Pod">[],
): { readonly sizes: Sizes; readonly mayCreate: boolean } {
  const active = old.filter((set) => replicasOf(set) > 0);
  if (active.length > 0) return { sizes: new Map(active.map((set) => [set, 0])), mayCreate: false };
  const stillThere = old.some(({ metadata }) => podsOf(metadata.uid).some((pod) => !isFinished(pod)));
  if (stillThere) return { sizes: NO_CHANGE, mayCreate: false };
  const wanted = wantedReplicas(deployment);
  const sizes = newSet && replicasOf(newSet) !== wanted ? new Map([[newSet, wanted]]) : NO_CHANGE;
  return { sizes, mayCreate: true };
}

export function isDone(deployment: Deployment): boolean {
  return isComplete(deployment, deployment.status);
}
