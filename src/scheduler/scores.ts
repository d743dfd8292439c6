import { matchesTerm, tolerates } from "../api/node-choice.ts";
import type { Stored } from "../api/stored.ts";
import { parseQuantity } from "../api/quantity.ts";
import type { ClusterSnapshot, NodeInfo } from "./cluster-snapshot.ts";
import { domainsOf } from "./pod-affinity.ts";
import { podRequests } from "../api/pod-requests.ts";
import { spreadCrowding } from "./topology-spread.ts";

export type NodeScore = (node: NodeInfo) => number;

export interface Score {
  /** Upstream's plugin name. */
  readonly name: string;
  /** Upstream's weight. */
  readonly weight: number;
  /** True where less is better. */
  readonly lower?: boolean;
  /** True for points from 0 to 100 as they are; otherwise the nodes' points are stretched to that range. */
  readonly absolute?: boolean;
  readonly prepare: (pod: Stored<"Pod">, snapshot: ClusterSnapshot) => NodeScore | undefined;
}

/** What makes one fitting node better than another. */
export const SCORES: readonly Score[] = [
  // Room left after the pod.
  { name: "NodeResourcesFit", weight: 1, absolute: true, prepare: leastAllocated },
  // CPU and memory used alike, so that neither strands the other.
  { name: "NodeResourcesBalancedAllocation", weight: 1, absolute: true, prepare: balanced },
  // Pods of one owner apart from each other, as upstream's default constraints do.
  { name: "SelectorSpread", weight: 2, lower: true, prepare: siblings },
  // Evenness that is wished for.
  { name: "PodTopologySpread", weight: 2, lower: true, prepare: spreadCrowding },
  // Nodes that the pod prefers.
  { name: "NodeAffinity", weight: 2, prepare: preferredNodes },
  // Pods that the pod prefers to be near, or far from.
  { name: "InterPodAffinity", weight: 2, prepare: preferredNeighbours },
  // Taints that only ask to stay away.
  { name: "TaintToleration", weight: 3, lower: true, prepare: softTaints },
  // Images that are there already.
  { name: "ImageLocality", weight: 1, absolute: true, prepare: presentImages },
];

/** What a container without requests counts for here (upstream `schedutil.Default...Request`), in thousandths. */
const UNSAID: Readonly<Record<string, number>> = { cpu: 100, memory: 200 * 1024 * 1024 * 1000 };

function usedFraction(pod: Stored<"Pod">, node: NodeInfo, resource: string): number | undefined {
  const total = node.allocatable.get(resource) ?? 0;
  if (total === 0) return undefined;
  const of = (one: Stored<"Pod">): number => podRequests(one).get(resource) || (UNSAID[resource] ?? 0);
  const used = node.pods.reduce((sum, other) => sum + of(other), of(pod));
  return Math.min(1, used / total);
}

function leastAllocated(pod: Stored<"Pod">): NodeScore {
  return (node) => {
    const free = ["cpu", "memory"].flatMap((resource) => {
      const used = usedFraction(pod, node, resource);
      return used === undefined ? [] : [1 - used];
    });
    return free.length === 0 ? 0 : (100 * free.reduce((sum, one) => sum + one, 0)) / free.length;
  };
}

function balanced(pod: Stored<"Pod">): NodeScore {
  return (node) => {
    const cpu = usedFraction(pod, node, "cpu") ?? 0;
    const memory = usedFraction(pod, node, "memory") ?? 0;
    return 100 * (1 - Math.abs(cpu - memory) / 2);
  };
}

function siblings(pod: Stored<"Pod">): NodeScore | undefined {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
  if (owner === undefined) return undefined;
  return ({ pods }) =>
    pods.filter(({ metadata }) =>
      metadata.ownerReferences?.some(({ uid, controller }) => uid === owner && controller === true),
    ).length;
}

function preferredNodes({ spec }: Stored<"Pod">): NodeScore | undefined {
  const terms = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  if (terms.length === 0) return undefined;
  return (node) => terms.reduce((sum, { preference, weight }) => sum + (matchesTerm(preference, node) ? weight : 0), 0);
}

function preferredNeighbours(pod: Stored<"Pod">, snapshot: ClusterSnapshot): NodeScore | undefined {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const near = podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const far = podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  if (near.length + far.length === 0) return undefined;
  const terms = [
    ...near.map(({ podAffinityTerm, weight }) => ({ term: podAffinityTerm, weight })),
    ...far.map(({ podAffinityTerm, weight }) => ({ term: podAffinityTerm, weight: -weight })),
  ].map(({ term, weight }) => ({ key: term.topologyKey, weight, domains: domainsOf(term, { pod, snapshot }) }));
  return (node) =>
    terms.reduce((sum, { key, weight, domains }) => sum + weight * (domains.get(node.labels[key] ?? "") ?? 0), 0);
}

function softTaints({ spec }: Stored<"Pod">): NodeScore {
  const tolerations = (spec.tolerations ?? []).filter(({ effect }) => !effect || effect === "PreferNoSchedule");
  return ({ taints }) =>
    taints.filter(
      (taint) => taint.effect === "PreferNoSchedule" && !tolerations.some((toleration) => tolerates(toleration, taint)),
    ).length;
}

/** Sizes between which an image counts, as upstream (`imagelocality`). */
const SMALL = 23 * 1024 * 1024;
const LARGE = 1000 * 1024 * 1024;

function presentImages({ spec }: Stored<"Pod">): NodeScore {
  const wanted = new Set(spec.containers.map(({ image = "" }) => withTag(image)));
  return ({ node }) => {
    const present = (node.status?.images ?? []).filter(({ names }) => names?.some((name) => wanted.has(name)));
    const bytes = present.reduce((sum, { sizeBytes }) => sum + (parseQuantity(sizeBytes ?? 0) ?? 0), 0);
    const largest = LARGE * Math.max(1, spec.containers.length);
    return (100 * (Math.min(Math.max(bytes, SMALL), largest) - SMALL)) / (largest - SMALL);
  };
}

function withTag(image: string): string {
  const name = image.slice(image.lastIndexOf("/") + 1);
  return name.includes(":") || image.includes("@") ? image : `${image}:latest`;
}
