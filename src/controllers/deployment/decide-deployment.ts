import { isDeepStrictEqual } from "node:util";
import type { Stored } from "../../api/stored.ts";
import { matchesSelector } from "../../api/label-selector.ts";
import { timestamp } from "../../lib/clock.ts";
import { refOf, regarding, remove, status, update, type Plan, type PlannedEvent, type Write } from "../controller.ts";
import { claim, controllerReference } from "../ownership.ts";
import {
  countedStatus,
  deadlineWait,
  rolloutStatus,
  setCondition,
  type DeploymentStatus,
  type Sets,
} from "./progress.ts";
import {
  createNewSet,
  findNewSet,
  newSetAnnotations,
  nextRevision,
  replicasAnnotations,
  surplusSets,
} from "./revisions.ts";
import { isDone, isResized, recreateStep, resize, rollingStep, type Sizes } from "./rollout.ts";
import { isRolling, replicasOf, REVISION, type Deployment, type ReplicaSet } from "./rollout-numbers.ts";

export interface DeploymentSnapshot {
  readonly deployment: Deployment;
  /** Sets that the deployment controls, and sets of its namespace that nothing does. */
  readonly candidates: readonly ReplicaSet[];
  readonly podsOf: (setUid: string) => readonly Stored<"Pod">[];
  /** Why the new set could not be made, if that failed. */
  readonly failure?: { readonly name: string; readonly message: string; readonly collision: boolean } | undefined;
  readonly now: number;
}

/** The next step of a deployment. Pure. */
export function decideDeployment(snapshot: DeploymentSnapshot): Plan {
  const { deployment, candidates } = snapshot;
  const leaving = deployment.metadata.deletionTimestamp !== undefined;
  const { owned, writes: ownership } = claim(candidates, {
    kind: "ReplicaSet" as const,
    owner: controllerReference("Deployment", "apps/v1", deployment),
    adopts: !leaving,
    matches: ({ metadata }) => matchesSelector(deployment.spec.selector, metadata.labels),
  });
  // What is to be adopted is looked at in the next step, with its new owner.
  if (ownership.length > 0) return { stages: [ownership], againMs: 1 };
  const newSet = findNewSet(deployment, owned);
  const old = owned.filter((set) => set !== newSet);
  const sets: Sets = { newSet, old, all: owned };
  const step = leaving ? { ...NO_STEP } : nextStep(snapshot, sets);
  const counted = step.rolling
    ? rolloutStatus(deployment, sets, snapshot.now)
    : countedStatus(deployment, sets, snapshot.now);
  const next = withPause(snapshot, withNewSet(snapshot, { sets, step, counted }));
  const changed = !isDeepStrictEqual(next, deployment.status ?? {});
  return {
    stages: [step.own, changed ? [status("Deployment", { ...deployment, status: next })] : [], step.sets],
    events: step.events,
    againMs: step.rolling ? deadlineWait(deployment, next, snapshot.now) : undefined,
  };
}

interface Step {
  /** Changes of the deployment itself. */
  readonly own: readonly Write[];
  readonly sets: readonly Write[];
  readonly events: readonly PlannedEvent[];
  /** Whether progress is watched: not while paused or being resized. */
  readonly rolling: boolean;
  readonly created?: string;
}

const NO_STEP: Step = { own: [], sets: [], events: [], rolling: false };

function nextStep(snapshot: DeploymentSnapshot, sets: Sets): Step {
  const { deployment } = snapshot;
  const synced = revisionWrites(deployment, sets);
  if (synced.sets.length > 0) return { ...NO_STEP, ...synced };
  if (deployment.spec.paused === true || isResized(deployment, sets)) {
    return { ...NO_STEP, ...synced, ...sized(deployment, resize(deployment, sets)) };
  }
  const recreate = isRolling(deployment) ? undefined : recreateStep(deployment, sets, snapshot.podsOf);
  if (!sets.newSet && (recreate?.mayCreate ?? true)) return { ...synced, ...creation(snapshot, sets), rolling: true };
  const step = sized(deployment, recreate?.sizes ?? rollingStep(deployment, sets));
  if (step.sets.length > 0 || !isDone(deployment)) return { ...synced, ...step, rolling: true };
  const surplus = surplusSets(deployment, sets.old).map((set) => remove("ReplicaSet", refOf(set)));
  return { ...synced, sets: surplus, events: [], rolling: true };
}

/** Brings the new set's annotations and the deployment's revision up to date. */
function revisionWrites(deployment: Deployment, { newSet, old }: Sets): { own: Write[]; sets: Write[] } {
  if (!newSet) return { own: [], sets: [] };
  const annotations = newSetAnnotations(deployment, newSet, nextRevision(old));
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  const outdated =
    !isDeepStrictEqual(annotations, newSet.metadata.annotations ?? {}) ||
    minReadySeconds !== (newSet.spec.minReadySeconds ?? 0);
  if (outdated) {
    const metadata = { ...newSet.metadata, annotations: { ...annotations } };
    return {
      own: [],
      sets: [update("ReplicaSet", { ...newSet, metadata, spec: { ...newSet.spec, minReadySeconds } })],
    };
  }
  const revision = annotations[REVISION];
  if (revision === undefined || deployment.metadata.annotations?.[REVISION] === revision) return { own: [], sets: [] };
  const metadata = {
    ...deployment.metadata,
    annotations: { ...deployment.metadata.annotations, [REVISION]: revision },
  };
  return { own: [update("Deployment", { ...deployment, metadata })], sets: [] };
}

function sized(deployment: Deployment, sizes: Sizes): { sets: Write[]; events: PlannedEvent[] } {
  const sets: Write[] = [];
  const events: PlannedEvent[] = [];
  for (const [set, size] of sizes) {
    const annotations = { ...set.metadata.annotations, ...replicasAnnotations(deployment) };
    const from = replicasOf(set);
    if (size === from && isDeepStrictEqual(annotations, set.metadata.annotations)) continue;
    const metadata = { ...set.metadata, annotations };
    sets.push(update("ReplicaSet", { ...set, metadata, spec: { ...set.spec, replicas: size } }));
    if (size !== from) events.push(scalingEvent(deployment, { set: set.metadata.name, from, to: size }));
  }
  return { sets, events };
}

function scalingEvent(deployment: Deployment, change: { set: string; from: number; to: number }): PlannedEvent {
  const { set, from, to } = change;
  return {
    regarding: regarding("Deployment", "apps/v1", deployment),
    type: "Normal",
    reason: "ScalingReplicaSet",
    message: `Scaled ${to > from ? "up" : "down"} replica set ${set} from ${from} to ${to}`,
  };
}

function creation(snapshot: DeploymentSnapshot, { old }: Sets): Omit<Step, "own" | "rolling"> {
  const { deployment, failure } = snapshot;
  // A collision is first written down as such, which gives the next name.
  if (failure?.collision) return { sets: [], events: [] };
  const { write, name, replicas } = createNewSet(deployment, old);
  const events = replicas > 0 ? [scalingEvent(deployment, { set: name, from: 0, to: replicas })] : [];
  return { sets: [write], events, created: name };
}

/** What finding or not getting the new set says about progress. */
function withNewSet(
  { deployment, failure, now }: DeploymentSnapshot,
  { sets, step, counted }: { readonly sets: Sets; readonly step: Step; readonly counted: DeploymentStatus },
): DeploymentStatus {
  if (deployment.spec.progressDeadlineSeconds === undefined || !step.rolling) return counted;
  const present = counted.conditions?.find(({ type }) => type === "Progressing");
  const progress = (status: "True" | "False", reason: string, message: string): DeploymentStatus => ({
    ...counted,
    conditions: setCondition(counted.conditions, { type: "Progressing", status, reason, message }, now),
  });
  if (!sets.newSet && failure?.collision) {
    return { ...counted, collisionCount: (counted.collisionCount ?? 0) + 1 };
  }
  if (!sets.newSet && failure) return progress("False", "ReplicaSetCreateError", failure.message);
  if (step.created !== undefined) {
    return progress("True", "NewReplicaSetCreated", `Created new replica set "${step.created}"`);
  }
  if (!present && sets.newSet) {
    return progress("True", "FoundNewReplicaSet", `Found new replica set "${sets.newSet.metadata.name}"`);
  }
  return counted;
}

/** While a deployment is paused its deadline rests, and starts anew when it goes on. */
function withPause({ deployment, now }: DeploymentSnapshot, next: DeploymentStatus): DeploymentStatus {
  if (deployment.spec.progressDeadlineSeconds === undefined) return next;
  const present = next.conditions?.find(({ type }) => type === "Progressing");
  const paused = deployment.spec.paused === true;
  if (present?.reason === "ProgressDeadlineExceeded") return next;
  const known = present?.reason === "DeploymentPaused";
  if (paused === known) return next;
  const condition = paused
    ? { reason: "DeploymentPaused", message: "Deployment is paused" }
    : { reason: "DeploymentResumed", message: "Deployment is resumed" };
  const conditions = (next.conditions ?? []).filter(({ type }) => type !== "Progressing");
  const at = timestamp(now);
  const times = { lastUpdateTime: at, lastTransitionTime: at };
  return { ...next, conditions: [...conditions, { type: "Progressing", status: "Unknown", ...condition, ...times }] };
}
