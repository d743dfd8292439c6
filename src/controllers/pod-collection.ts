import type { Pod } from "../api/kinds.ts";
import { isFinished, isTerminating } from "../api/pod-state.ts";
import type { Stored } from "../api/stored.ts";
import type { Clock } from "../lib/clock.ts";
import type { ClusterView } from "./cluster-view.ts";
import { withCondition } from "./conditions.ts";
import {
  refOf,
  remove,
  status,
  type Controller,
  type Plan,
  type Target,
  type Watch,
  type Write,
} from "./controller.ts";

export interface PodCollectionOptions {
  /** Finished pods beyond this many are deleted, oldest first; upstream's default. 0 keeps all. */
  terminatedPodThreshold?: number;
  everyMs?: number;
  /** How long a node's object must be missing before its pods are given up, as upstream waits. */
  quarantineMs?: number;
}

/** One look at all pods is one target. */
const ALL_PODS: Target = { kind: "Pod", name: "pod-collection" };

/** Deletes pods that nobody else will: too many finished ones, those of nodes that are gone, unbound ones that end. */
export class PodCollectionController implements Controller {
  readonly name = "pod-garbage-collector";
  readonly watches: readonly Watch[] = [
    { kind: "Node", targets: ({ type }) => (type === "DELETED" ? [ALL_PODS] : []) },
  ];
  readonly #view: ClusterView;
  readonly #clock: Clock;
  readonly #threshold: number;
  readonly #everyMs: number;
  readonly #quarantineMs: number;
  readonly #missingSince = new Map<string, number>();

  constructor(
    { view, clock }: { view: ClusterView; clock: Clock },
    { terminatedPodThreshold = 12_500, everyMs = 20_000, quarantineMs = 40_000 }: PodCollectionOptions = {},
  ) {
    this.#view = view;
    this.#clock = clock;
    this.#threshold = terminatedPodThreshold;
    this.#everyMs = everyMs;
    this.#quarantineMs = quarantineMs;
  }

  all(): Iterable<Target> {
    return [ALL_PODS];
  }

  decide(): Plan {
    const pods = this.#view.list("Pod");
    const lost = this.#lostNodes(pods);
    const now = this.#clock.now();
    const stages = [
      pods.flatMap((pod) => (lost.has(pod.spec.nodeName ?? "") ? failed(pod, now) : [])),
      [
        ...pods
          .filter((pod) => lost.has(pod.spec.nodeName ?? "") || (isTerminating(pod) && !pod.spec.nodeName))
          .map((pod) => remove("Pod", refOf(pod), { gracePeriodSeconds: 0 })),
        ...surplus(pods, this.#threshold).map((pod) => remove("Pod", refOf(pod), { gracePeriodSeconds: 0 })),
      ],
    ];
    return { stages, againMs: this.#everyMs };
  }

  #lostNodes(pods: readonly Stored<"Pod">[]): Set<string> {
    const now = this.#clock.monotonic();
    const missing = new Set(
      pods
        .map(({ spec }) => spec.nodeName ?? "")
        .filter((node) => node !== "" && !this.#view.get("Node", { name: node })),
    );
    for (const node of this.#missingSince.keys()) if (!missing.has(node)) this.#missingSince.delete(node);
    for (const node of missing) if (!this.#missingSince.has(node)) this.#missingSince.set(node, now);
    return new Set([...missing].filter((node) => now - (this.#missingSince.get(node) ?? now) >= this.#quarantineMs));
  }
}

/** Finished pods beyond the limit, oldest first. */
export function surplus(pods: readonly Stored<"Pod">[], threshold: number): Stored<"Pod">[] {
  if (threshold <= 0) return [];
  const finished = pods.filter((pod) => isFinished(pod) && !isTerminating(pod));
  return finished
    .toSorted((a, b) => (created(a) < created(b) ? -1 : 1))
    .slice(0, Math.max(0, finished.length - threshold));
}

function created(pod: Pod): string {
  return pod.metadata?.creationTimestamp ?? "";
}

/** A pod that is lost says so before it goes, for whoever counts failures. */
function failed(pod: Stored<"Pod">, now: number): Write[] {
  if (isFinished(pod)) return [];
  const conditions = withCondition(
    pod.status?.conditions,
    {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByPodGC",
      message: "PodGC: node no longer exists",
    },
    now,
  );
  return [status("Pod", { ...pod, status: { ...pod.status, phase: "Failed", conditions } })];
}
