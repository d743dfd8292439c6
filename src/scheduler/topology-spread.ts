import type { LabelSelector, Pod } from "../api/kinds.ts";
import { matchesSelector } from "../api/label-selector.ts";
import { isTerminating } from "../api/pod-state.ts";
import { matchesNode, untolerated } from "../api/node-choice.ts";
import type { Stored } from "../api/stored.ts";
import type { ClusterSnapshot, NodeInfo } from "./cluster-snapshot.ts";

type Constraint = NonNullable<NonNullable<Pod["spec"]>["topologySpreadConstraints"]>[number];

interface Counted {
  readonly constraint: Constraint;
  readonly counts: ReadonlyMap<string, number>;
  /** 1 where the pod itself counts. */
  readonly self: number;
}

/** Refuses nodes in whose domain one more pod would be too many against the emptiest domain. */
export function requiredSpread(
  pod: Stored<"Pod">,
  snapshot: ClusterSnapshot,
): ((node: NodeInfo) => string | undefined) | undefined {
  const constraints = constraintsOf(pod, "DoNotSchedule");
  if (constraints.length === 0) return undefined;
  const counted = constraints.map((constraint) => count(constraint, { pod, snapshot, all: constraints }));
  return (node) => {
    for (const { constraint, counts, self } of counted) {
      const domain = node.labels[constraint.topologyKey];
      if (domain === undefined) {
        return "node(s) didn't match pod topology spread constraints (missing required label)";
      }
      const few = counts.size < (constraint.minDomains ?? 1);
      const least = few ? 0 : Math.min(...counts.values());
      const skew = (counts.get(domain) ?? 0) + self - (Number.isFinite(least) ? least : 0);
      if (skew > constraint.maxSkew) return "node(s) didn't match pod topology spread constraints";
    }
    return undefined;
  };
}

/** For constraints that are wishes: how many pods the node's domains hold already, fewer being better. */
export function spreadCrowding(
  pod: Stored<"Pod">,
  snapshot: ClusterSnapshot,
): ((node: NodeInfo) => number) | undefined {
  const constraints = constraintsOf(pod, "ScheduleAnyway");
  if (constraints.length === 0) return undefined;
  const counted = constraints.map((constraint) => count(constraint, { pod, snapshot, all: constraints }));
  return (node) =>
    counted.reduce((total, { constraint, counts }) => {
      const domain = node.labels[constraint.topologyKey];
      // Without the label a node is in no domain at all: as bad as the fullest.
      const own = domain === undefined ? Math.max(0, ...counts.values()) : (counts.get(domain) ?? 0);
      return total + own / constraint.maxSkew;
    }, 0);
}

function constraintsOf({ spec }: Stored<"Pod">, when: string): Constraint[] {
  return (spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when);
}

function count(
  constraint: Constraint,
  {
    pod,
    snapshot,
    all,
  }: { readonly pod: Stored<"Pod">; readonly snapshot: ClusterSnapshot; readonly all: readonly Constraint[] },
): Counted {
  const selector = selectorOf(constraint, pod);
  const counts = new Map<string, number>();
  for (const node of snapshot.nodes) {
    const domain = node.labels[constraint.topologyKey];
    if (domain === undefined || !isPlace(constraint, { pod, node, all })) continue;
    const found = node.pods.filter(
      (other) =>
        other.metadata.namespace === pod.metadata.namespace &&
        !isTerminating(other) &&
        matchesSelector(selector, other.metadata.labels),
    ).length;
    counts.set(domain, (counts.get(domain) ?? 0) + found);
  }
  return { constraint, counts, self: matchesSelector(selector, pod.metadata.labels) ? 1 : 0 };
}

/** Whether a node counts as a place for the pod: only places to which it could go at all are to be filled evenly. */
function isPlace(
  { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" }: Constraint,
  { pod, node, all }: { readonly pod: Stored<"Pod">; readonly node: NodeInfo; readonly all: readonly Constraint[] },
): boolean {
  if (!all.every(({ topologyKey }) => node.labels[topologyKey] !== undefined)) return false;
  if (nodeAffinityPolicy === "Honor" && !matchesNode(pod, node)) return false;
  return nodeTaintsPolicy !== "Honor" || !untolerated(pod, node.taints, ["NoSchedule", "NoExecute"]);
}

function selectorOf(
  { labelSelector, matchLabelKeys }: Constraint,
  { metadata }: Stored<"Pod">,
): LabelSelector | undefined {
  const more = (matchLabelKeys ?? []).flatMap((key) => {
    const value = metadata.labels?.[key];
    return value === undefined ? [] : [{ key, operator: "In", values: [value] }];
  });
  if (!labelSelector || more.length === 0) return labelSelector;
  return { ...labelSelector, matchExpressions: [...(labelSelector.matchExpressions ?? []), ...more] };
}
