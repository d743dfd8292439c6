import { hostPorts, type HostPort } from "../api/host-ports.ts";
import type { Node } from "../api/kinds.ts";
import type { Taint } from "../api/node-choice.ts";
import { isFinished } from "../api/pod-state.ts";
import type { Stored } from "../api/stored.ts";
import { add, amountsOf, podRequests, type Amounts } from "../api/pod-requests.ts";

/** One node with what runs on it. Changed only by `assume`. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Stored<"Node">;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly allocatable: Amounts;
  readonly pods: Stored<"Pod">[];
  readonly requested: Map<string, number>;
  readonly hostPorts: HostPort[];
}

export interface ClusterSnapshot {
  readonly nodes: readonly NodeInfo[];
  namespaceLabels(name: string): Readonly<Record<string, string>>;
  /** The reason why a volume's claim keeps a pod from running anywhere, if it does. */
  claimRefusal(namespace: string, claim: string): string | undefined;
  /** Pods whose required anti-affinity speaks against others, with their nodes. */
  readonly repelling: { readonly pod: Stored<"Pod">; readonly node: NodeInfo }[];
}

/** Conditions that keep new pods away as if they were taints; keys are upstream's (`v1.TaintNode...`). */
const CONDITION_TAINTS: readonly { type: string; when: readonly string[]; key: string }[] = [
  { type: "Ready", when: ["False"], key: "node.kubernetes.io/not-ready" },
  { type: "Ready", when: ["Unknown"], key: "node.kubernetes.io/unreachable" },
  { type: "MemoryPressure", when: ["True"], key: "node.kubernetes.io/memory-pressure" },
  { type: "DiskPressure", when: ["True"], key: "node.kubernetes.io/disk-pressure" },
  { type: "PIDPressure", when: ["True"], key: "node.kubernetes.io/pid-pressure" },
  { type: "NetworkUnavailable", when: ["True"], key: "node.kubernetes.io/network-unavailable" },
];

export function nodeInfo(node: Stored<"Node">, pods: readonly Stored<"Pod">[]): NodeInfo {
  const info: NodeInfo = {
    name: node.metadata.name,
    node,
    labels: node.metadata.labels ?? {},
    taints: taintsOf(node),
    allocatable: amountsOf(node.status?.allocatable ?? node.status?.capacity),
    pods: [],
    requested: new Map(),
    hostPorts: [],
  };
  for (const pod of pods) if (!isFinished(pod)) place(info, pod);
  return info;
}

/** Counts a pod as running on a node, before that is written. */
export function assume(snapshot: ClusterSnapshot, info: NodeInfo, pod: Stored<"Pod">): void {
  place(info, pod);
  if (repels(pod)) snapshot.repelling.push({ pod, node: info });
}

export function repels({ spec }: Stored<"Pod">): boolean {
  return (spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).length > 0;
}

function place(info: NodeInfo, pod: Stored<"Pod">): void {
  info.pods.push(pod);
  add(info.requested, podRequests(pod));
  info.hostPorts.push(...hostPorts(pod));
}

function taintsOf(node: Node): Taint[] {
  const conditions = node.status?.conditions ?? [];
  // A node that has not said anything yet is not ready either.
  const states = conditions.some(({ type }) => type === "Ready")
    ? conditions
    : [{ type: "Ready", status: "False" }, ...conditions];
  const own: readonly Taint[] = node.spec?.taints ?? [];
  const implied = CONDITION_TAINTS.filter(({ type, when, key }) => {
    const state = states.find((condition) => condition.type === type);
    return state && when.includes(state.status) && !own.some((taint) => taint.key === key);
  });
  return [...own, ...implied.map(({ key }) => ({ key, effect: "NoSchedule" }))];
}
