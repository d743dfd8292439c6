import type { KindName, LabelSelector, OwnerReference, PodTemplateSpec } from "../../api/kinds.ts";
import { matchesLabels, matchesSelector } from "../../api/label-selector.ts";
import type { NewObject } from "../../api/objects.ts";
import { availableAt, isFinished, isReady, isTerminating } from "../../api/pod-state.ts";
import type { Stored } from "../../api/stored.ts";
import { create, refOf, remove, type PlannedEvent, type Write } from "../controller.ts";
import { withCondition, withoutCondition } from "../conditions.ts";
import { claim } from "../ownership.ts";
import { deletionOrder } from "./deletion-order.ts";

/** At most this many creates or deletes in one look (upstream's `BurstReplicas`). */
const BURST = 500;

export interface ReplicaSnapshot {
  readonly kind: "ReplicaSet" | "ReplicationController";
  readonly set: Stored<"ReplicaSet"> | Stored<"ReplicationController">;
  readonly selector: LabelSelector | undefined;
  readonly template: PodTemplateSpec;
  /** Pods that the set controls, and pods of its namespace that nothing does. */
  readonly candidates: readonly Stored<"Pod">[];
  /** Pods of the set and of its siblings under the same owner, sorted by whether they crowd a node. */
  readonly related: readonly Stored<"Pod">[];
  /** Why the last creates or deletes failed, if they did. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
  /** Number of the next pod. */
  readonly attempt: number;
  readonly now: number;
}

/** What both kinds have in their status. */
export interface ReplicaStatus {
  replicas: number;
  fullyLabeledReplicas: number;
  readyReplicas: number;
  availableReplicas: number;
  observedGeneration: number;
  conditions?: NonNullable<NonNullable<Stored<"ReplicaSet">["status"]>["conditions"]>;
}

export interface ReplicaDecision {
  readonly ownership: readonly Write[];
  readonly pods: readonly Write[];
  readonly status: ReplicaStatus;
  readonly againMs: number | undefined;
}

export function ownerReference({ kind, set }: Pick<ReplicaSnapshot, "kind" | "set">): OwnerReference {
  const apiVersion = kind === "ReplicaSet" ? "apps/v1" : "v1";
  const { name, uid } = set.metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** As many pods as wanted: pure, for ReplicaSet and ReplicationController alike. */
export function decideReplicas(snapshot: ReplicaSnapshot): ReplicaDecision {
  const { set, selector, candidates } = snapshot;
  const leaving = set.metadata.deletionTimestamp !== undefined;
  const { owned, writes: ownership } = claim(
    candidates.filter((pod) => !isFinished(pod)),
    {
      kind: "Pod" as const,
      owner: ownerReference(snapshot),
      adopts: !leaving,
      matches: ({ metadata }) => matchesSelector(selector, metadata.labels),
    },
  );
  const active = owned.filter((pod) => !isTerminating(pod));
  const again = nextAvailable(active, set.spec.minReadySeconds ?? 0, snapshot.now);
  const pods = leaving ? [] : podWrites(snapshot, active);
  return {
    ownership,
    pods,
    // A failure is over when there is nothing left to do that could fail.
    status: statusOf(pods.length > 0 ? snapshot : { ...snapshot, failure: undefined }, active),
    againMs: again,
  };
}

function podWrites(snapshot: ReplicaSnapshot, active: readonly Stored<"Pod">[]): Write[] {
  const { set, related, now, attempt } = snapshot;
  const missing = (set.spec.replicas ?? 1) - active.length;
  if (missing > 0) {
    return Array.from({ length: Math.min(missing, BURST) }, (_, slot) =>
      create("Pod", podFromTemplate(snapshot), [
        set.metadata.uid,
        String(set.metadata.generation ?? 0),
        String(attempt + slot),
      ]),
    );
  }
  const surplus = Math.min(-missing, BURST);
  if (surplus === 0) return [];
  return deletionOrder(active, { related, now })
    .slice(0, surplus)
    .map((pod) => remove("Pod", refOf(pod)));
}

function podFromTemplate({ kind, set, template }: ReplicaSnapshot): NewObject<"Pod"> {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      generateName: `${set.metadata.name}-`,
      ...(set.metadata.namespace !== undefined ? { namespace: set.metadata.namespace } : {}),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [ownerReference({ kind, set })],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
}

function statusOf(snapshot: ReplicaSnapshot, active: readonly Stored<"Pod">[]): ReplicaStatus {
  const { set, template, failure, now } = snapshot;
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const before = set.status?.conditions;
  const conditions = failure
    ? withCondition(before, { type: "ReplicaFailure", status: "True", ...failure }, now)
    : withoutCondition(before, "ReplicaFailure");
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(({ metadata }) => matchesLabels(template.metadata?.labels, metadata.labels))
      .length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => {
      const at = availableAt(pod, minReadySeconds);
      return at !== undefined && at <= now;
    }).length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

/** Milliseconds until the next ready pod counts as available. */
function nextAvailable(pods: readonly Stored<"Pod">[], minReadySeconds: number, now: number): number | undefined {
  if (minReadySeconds === 0) return undefined;
  const waits = pods.flatMap((pod) => {
    const at = availableAt(pod, minReadySeconds);
    return at !== undefined && at > now ? [at - now] : [];
  });
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

/** The Events that a set's pod writes lead to, once they are done (upstream's `RealPodControl`). */
export function podEvent(
  verb: "create" | "delete",
  { kind, set, pod }: { kind: KindName; set: ReplicaSnapshot["set"]; pod: string },
): PlannedEvent {
  return {
    regarding: {
      kind,
      apiVersion: kind === "ReplicaSet" ? "apps/v1" : "v1",
      namespace: set.metadata.namespace,
      name: set.metadata.name,
      uid: set.metadata.uid,
    },
    type: "Normal",
    reason: verb === "create" ? "SuccessfulCreate" : "SuccessfulDelete",
    message: `${verb === "create" ? "Created" : "Deleted"} pod: ${pod}`,
  };
}
