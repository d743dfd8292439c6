import type { Kinds } from "../../api/kinds.ts";
import { timestamp } from "../../lib/clock.ts";
import { withoutCondition } from "../conditions.ts";
import { bounds, replicasOf, sum, wantedReplicas, type Deployment, type ReplicaSet } from "./rollout-numbers.ts";

export type DeploymentStatus = NonNullable<Kinds["Deployment"]["status"]>;
type Condition = NonNullable<DeploymentStatus["conditions"]>[number];

/** Reasons of the Progressing condition (upstream `deploymentutil`); `kubectl rollout status` reads them. */
export const AVAILABLE = "NewReplicaSetAvailable";
export const TIMED_OUT = "ProgressDeadlineExceeded";

export interface Sets {
  readonly newSet: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  readonly all: readonly ReplicaSet[];
}

/** The counts and the Available condition. */
export function countedStatus(deployment: Deployment, { newSet, all }: Sets, now: number): DeploymentStatus {
  const available = sum(all, ({ status }) => status?.availableReplicas);
  const enough = available >= wantedReplicas(deployment) - bounds(deployment).maxUnavailable;
  const before = deployment.status;
  const conditions = setCondition(
    before?.conditions,
    {
      type: "Available",
      status: enough ? "True" : "False",
      reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      message: `Deployment ${enough ? "has" : "does not have"} minimum availability.`,
    },
    now,
  );
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...positive({
      replicas: sum(all, ({ status }) => status?.replicas),
      updatedReplicas: newSet?.status?.replicas ?? 0,
      readyReplicas: sum(all, ({ status }) => status?.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: sum(all, replicasOf) - available,
    }),
    ...(before?.collisionCount !== undefined ? { collisionCount: before.collisionCount } : {}),
    conditions,
  };
}

/** Zero is left out, as upstream does. */
function positive(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** The status with what a rollout adds: progress, success or the deadline missed, and failures of the sets. */
export function rolloutStatus(deployment: Deployment, sets: Sets, now: number): DeploymentStatus {
  const next = countedStatus(deployment, sets, now);
  const conditions = withFailures(withProgress(deployment, { next, newSet: sets.newSet, now }), sets, now);
  return { ...next, conditions };
}

interface Look {
  readonly next: DeploymentStatus;
  readonly newSet: ReplicaSet | undefined;
  readonly now: number;
}

function withProgress(deployment: Deployment, { next, newSet, now }: Look): Condition[] {
  const present = next.conditions ?? [];
  if (!hasDeadline(deployment)) return withoutCondition(present, "Progressing");
  const progressing = present.find(({ type }) => type === "Progressing");
  const settled =
    (next.replicas ?? 0) === (next.updatedReplicas ?? 0) &&
    progressing !== undefined &&
    progressing.reason === AVAILABLE;
  if (settled) return present;
  const who = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, next)) {
    const message = `${who} has successfully progressed.`;
    return setCondition(present, { type: "Progressing", status: "True", reason: AVAILABLE, message }, now);
  }
  if (hasProgressed(deployment.status, next)) {
    const condition: Condition = {
      type: "Progressing",
      status: "True",
      reason: "ReplicaSetUpdated",
      message: `${who} is progressing.`,
      lastUpdateTime: timestamp(now),
      lastTransitionTime:
        progressing?.status === "True" && progressing.lastTransitionTime !== undefined
          ? progressing.lastTransitionTime
          : timestamp(now),
    };
    return [...withoutCondition(present, "Progressing"), condition];
  }
  if (isTimedOut(deployment, { progressing, now })) {
    const message = `${who} has timed out progressing.`;
    return setCondition(present, { type: "Progressing", status: "False", reason: TIMED_OUT, message }, now);
  }
  return present;
}

function withFailures(present: Condition[], { newSet, old }: Sets, now: number): Condition[] {
  const failures = [...(newSet ? [newSet] : []), ...old].flatMap(
    ({ status }) => status?.conditions?.filter(({ type }) => type === "ReplicaFailure") ?? [],
  );
  const [failure] = failures;
  if (!failure) return withoutCondition(present, "ReplicaFailure");
  const { type, status, reason = "", message = "" } = failure;
  return setCondition(present, { type, status, reason, message }, now);
}

/** Every pod is of the present template and available, and nothing of an older one is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus | undefined, next: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined): number =>
    (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(next) < old(before) ||
    (next.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
}

/** Upstream takes the largest 32-bit number for "no deadline". */
function hasDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== 2 ** 31 - 1;
}

function deadline(deployment: Deployment, progressing: Condition | undefined): number | undefined {
  if (!progressing || progressing.reason === AVAILABLE || !hasDeadline(deployment)) return undefined;
  const since = progressing.lastUpdateTime ?? progressing.lastTransitionTime;
  return since === undefined ? undefined : Date.parse(since) + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000;
}

function isTimedOut(
  deployment: Deployment,
  { progressing, now }: { readonly progressing: Condition | undefined; readonly now: number },
): boolean {
  if (progressing?.reason === TIMED_OUT) return true;
  const at = deadline(deployment, progressing);
  return at !== undefined && at < now;
}

/** Milliseconds until the deadline must be looked at again; undefined while nothing is being waited for. */
export function deadlineWait(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const progressing = status.conditions?.find(({ type }) => type === "Progressing");
  if (deployment.spec.paused === true || progressing?.reason === TIMED_OUT) return undefined;
  if (isComplete(deployment, status)) return undefined;
  const at = deadline(deployment, progressing);
  return at === undefined ? undefined : Math.max(0, at - now) + 1000;
}

/** As upstream's `SetDeploymentCondition`: what has the same status and reason stays, with its times. */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  wanted: { readonly type: string; readonly status: string; readonly reason: string; readonly message: string },
  now: number,
): Condition[] {
  const present = conditions?.find(({ type }) => type === wanted.type);
  if (present && present.status === wanted.status && present.reason === wanted.reason) return [...(conditions ?? [])];
  const lastTransitionTime =
    present?.status === wanted.status && present.lastTransitionTime !== undefined
      ? present.lastTransitionTime
      : timestamp(now);
  const next: Condition = { ...wanted, lastUpdateTime: timestamp(now), lastTransitionTime };
  return [...withoutCondition(conditions, wanted.type), next];
}
