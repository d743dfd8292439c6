import { collide, hostPorts } from "../api/host-ports.ts";
import { matchesNode, untolerated } from "../api/node-choice.ts";
import type { Stored } from "../api/stored.ts";
import type { ClusterSnapshot, NodeInfo } from "./cluster-snapshot.ts";
import { othersAntiAffinity, requiredAffinity, requiredAntiAffinity } from "./pod-affinity.ts";
import { podRequests } from "../api/pod-requests.ts";
import { requiredSpread } from "./topology-spread.ts";

/** Why a node will not do, in upstream's words; several only where upstream counts several. */
export type NodeCheck = (node: NodeInfo) => string | readonly string[] | undefined;

export interface Filter {
  /** Upstream's plugin name. */
  readonly name: string;
  /** Looks at the pod once and gives what is to be asked of each node; nothing where the pod does not care. */
  readonly prepare: (pod: Stored<"Pod">, snapshot: ClusterSnapshot) => NodeCheck | undefined;
}

/** Upstream's default for `pods` where a node names none. */
const DEFAULT_PODS = 110;

/** What a node must pass to get a pod. The first that refuses names the reason; cheap ones come first. */
export const FILTERS: readonly Filter[] = [
  // Cordoned nodes take only pods that tolerate just that.
  {
    name: "NodeUnschedulable",
    prepare: (pod) => (node) => (isCordoned(pod, node) ? "node(s) were unschedulable" : undefined),
  },
  // The node that the user named, where a name was set by hand through affinity fields of older tools.
  { name: "NodeName", prepare: nodeName },
  // Taints, those that a node's conditions imply included.
  { name: "TaintToleration", prepare: (pod) => (node) => taintRefusal(pod, node) },
  // nodeSelector and required node affinity.
  {
    name: "NodeAffinity",
    prepare: (pod) => (node) =>
      matchesNode(pod, node) ? undefined : "node(s) didn't match Pod's node affinity/selector",
  },
  // Ports of the host that somebody else has.
  { name: "NodePorts", prepare: freePorts },
  // CPU, memory, storage, number of pods, and whatever else is asked for by name.
  { name: "NodeResourcesFit", prepare: fits },
  // Volumes that cannot be had on any node.
  { name: "VolumeBinding", prepare: volumes },
  // Evenness over zones or hosts that must hold.
  { name: "PodTopologySpread", prepare: requiredSpread },
  // Pods that must be together, or must not. Last, because it looks at all pods.
  { name: "InterPodAffinity", prepare: requiredAffinity },
  { name: "InterPodAntiAffinity", prepare: requiredAntiAffinity },
  { name: "ExistingPodsAntiAffinity", prepare: othersAntiAffinity },
];

function isCordoned(pod: Stored<"Pod">, { node }: NodeInfo): boolean {
  if (node.spec?.unschedulable !== true) return false;
  const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
  return untolerated(pod, [taint], ["NoSchedule"]) !== undefined;
}

function nodeName({ spec }: Stored<"Pod">): NodeCheck | undefined {
  const wanted = spec.nodeName;
  if (!wanted) return undefined;
  return ({ name }) => (name === wanted ? undefined : "node(s) didn't match the requested node name");
}

function taintRefusal(pod: Stored<"Pod">, { taints }: NodeInfo): string | undefined {
  const taint = untolerated(pod, taints, ["NoSchedule", "NoExecute"]);
  return taint && `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
}

function freePorts(pod: Stored<"Pod">): NodeCheck | undefined {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  return (node) =>
    wanted.some((port) => node.hostPorts.some((taken) => collide(port, taken)))
      ? "node(s) didn't have free ports for the requested pod ports"
      : undefined;
}

function fits(pod: Stored<"Pod">): NodeCheck {
  const wanted = podRequests(pod);
  return ({ allocatable, requested, pods }) => {
    const reasons: string[] = [];
    if (pods.length + 1 > (allocatable.get("pods") ?? DEFAULT_PODS * 1000) / 1000) reasons.push("Too many pods");
    for (const [name, amount] of wanted) {
      const free = (allocatable.get(name) ?? 0) - (requested.get(name) ?? 0);
      if (amount > 0 && amount > free) reasons.push(`Insufficient ${name}`);
    }
    return reasons.length > 0 ? reasons : undefined;
  };
}

function volumes(pod: Stored<"Pod">, snapshot: ClusterSnapshot): NodeCheck | undefined {
  const refusal = podRefusal(pod, snapshot);
  return refusal === undefined ? undefined : () => refusal;
}

/** What keeps a pod from running on any node at all, as things are. */
export function podRefusal({ metadata, spec }: Stored<"Pod">, snapshot: ClusterSnapshot): string | undefined {
  for (const { name, persistentVolumeClaim, ephemeral } of spec.volumes ?? []) {
    if (!persistentVolumeClaim && !ephemeral) continue;
    const claim = persistentVolumeClaim?.claimName ?? `${metadata.name}-${name}`;
    const refusal = snapshot.claimRefusal(metadata.namespace ?? "", claim);
    if (refusal !== undefined) return refusal;
  }
  return (spec.resourceClaims ?? []).length > 0 ? "resource claims are not acted on yet" : undefined;
}
