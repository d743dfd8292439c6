import { collide, hostPorts } from "../../api/host-ports.ts";
import type { Node, Pod } from "../../api/kinds.ts";
import { matchesNode, untolerated } from "../../api/node-choice.ts";
import { podRequests } from "../../api/pod-requests.ts";

export interface Refusal {
  /** `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `NodePorts`, `NodeAffinity`, `TaintToleration`. */
  readonly reason: string;
  readonly message: string;
}

export interface NodeRoom {
  readonly node: Node | undefined;
  /** Cores, bytes, pods. */
  readonly allocatable: { readonly cpu: number; readonly memory: number; readonly pods: number };
  /** The pods that this node has admitted and that have not ended. */
  readonly admitted: readonly Pod[];
}

type Check = (pod: Pod, room: NodeRoom) => Refusal | undefined;

/** In upstream kubelet's order; the first refusal is the pod's end. */
const CHECKS: readonly Check[] = [nodeAffinity, freePorts, podCount, resource("cpu"), resource("memory"), taints];

/** Whether this node can take a pod that was bound to it; the binding may have been made from an older view. */
export function refusal(pod: Pod, room: NodeRoom): Refusal | undefined {
  for (const check of CHECKS) {
    const refused = check(pod, room);
    if (refused) return refused;
  }
  return undefined;
}

function nodeAffinity(pod: Pod, { node }: NodeRoom): Refusal | undefined {
  if (!node) return undefined;
  const { name = "", labels = {} } = node.metadata ?? {};
  if (matchesNode(pod, { name, labels })) return undefined;
  return {
    reason: "NodeAffinity",
    message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  };
}

/** As upstream: what is bound to a node may be there in spite of NoSchedule, but NoExecute holds for everyone. */
function taints(pod: Pod, { node }: NodeRoom): Refusal | undefined {
  const taint = untolerated(pod, node?.spec?.taints ?? [], ["NoExecute"]);
  if (!taint) return undefined;
  const message = `Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate: ${taint.key}`;
  return { reason: "TaintToleration", message };
}

function freePorts(pod: Pod, { admitted }: NodeRoom): Refusal | undefined {
  const used = admitted.flatMap(hostPorts);
  if (!hostPorts(pod).some((port) => used.some((other) => collide(port, other)))) return undefined;
  const message =
    "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  return { reason: "NodePorts", message };
}

function podCount(_pod: Pod, { admitted, allocatable }: NodeRoom): Refusal | undefined {
  if (admitted.length < allocatable.pods) return undefined;
  return tooMuch("pods", { requested: 1, used: admitted.length, capacity: allocatable.pods });
}

function resource(name: "cpu" | "memory"): Check {
  return (pod, { admitted, allocatable }) => {
    // CPU is told in thousandths of a core, memory in bytes.
    const [unit, scale] = name === "cpu" ? [1, 1000] : [1000, 1];
    const amount = (one: Pod): number => podRequests(one).get(name) ?? 0;
    const requested = Math.ceil(amount(pod) / unit);
    const used = Math.ceil(admitted.reduce((sum, other) => sum + amount(other), 0) / unit);
    const capacity = Math.floor(allocatable[name] * scale);
    if (requested === 0 || used + requested <= capacity) return undefined;
    return tooMuch(name, { requested, used, capacity });
  };
}

function tooMuch(
  name: string,
  { requested, used, capacity }: { requested: number; used: number; capacity: number },
): Refusal {
  const numbers = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return {
    reason: `OutOf${name}`,
    message: `Pod was rejected: Node didn't have enough resource: ${name}, ${numbers}`,
  };
}
