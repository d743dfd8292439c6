import type { Pod } from "../../api/kinds.ts";
import { isReady, podCondition } from "../../api/pod-state.ts";
import type { Stored } from "../../api/stored.ts";

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Annotation by which users say what must go first (upstream `controller.PodDeletionCost`). */
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";

interface Ranked {
  readonly pod: Stored<"Pod">;
  /** Pods of the same owner on its node. */
  readonly neighbours: number;
}

/**
 * Pods in the order in which a scale-down takes them, as upstream (`ActivePodsWithRanks`): those that are the least use
 * or do the least harm when they go come first. `related` are the pods whose crowding on a node counts.
 */
export function deletionOrder(
  pods: readonly Stored<"Pod">[],
  { related, now }: { readonly related: readonly Stored<"Pod">[]; readonly now: number },
): Stored<"Pod">[] {
  const perNode = new Map<string, number>();
  for (const { spec } of related) {
    if (spec.nodeName) perNode.set(spec.nodeName, (perNode.get(spec.nodeName) ?? 0) + 1);
  }
  const ranked = pods.map((pod) => ({ pod, neighbours: perNode.get(pod.spec.nodeName ?? "") ?? 0 }));
  return ranked.toSorted((a, b) => compare(a, b, now)).map(({ pod }) => pod);
}

/** Each criterion decides only where all before it see no difference. */
function compare(a: Ranked, b: Ranked, now: number): number {
  return (
    Number(Boolean(a.pod.spec.nodeName)) - Number(Boolean(b.pod.spec.nodeName)) ||
    phase(a.pod) - phase(b.pod) ||
    Number(isReady(a.pod)) - Number(isReady(b.pod)) ||
    cost(a.pod) - cost(b.pod) ||
    b.neighbours - a.neighbours ||
    younger(readySince(a.pod), readySince(b.pod), now) ||
    restarts(b.pod) - restarts(a.pod) ||
    younger(created(a.pod), created(b.pod), now) ||
    (a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1)
  );
}

function phase(pod: Pod): number {
  return PHASES[pod.status?.phase ?? "Pending"] ?? 0;
}

function cost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[DELETION_COST];
  return text !== undefined && /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
}

function readySince(pod: Pod): number | undefined {
  const condition = podCondition(pod, "Ready");
  if (condition?.status !== "True") return undefined;
  return condition.lastTransitionTime === undefined ? undefined : Date.parse(condition.lastTransitionTime);
}

function created(pod: Pod): number | undefined {
  const at = pod.metadata?.creationTimestamp;
  return at === undefined ? undefined : Date.parse(at);
}

/** Later comes first; ages of the same power of two count as equal, so that a rollout's order does not decide for ever. */
function younger(a: number | undefined, b: number | undefined, now: number): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return magnitude(now - a) - magnitude(now - b);
}

function magnitude(ms: number): number {
  return ms < 1 ? -1 : Math.floor(Math.log2(ms * 1e6));
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}
