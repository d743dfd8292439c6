import type { Node, Pod } from "../../api/kinds.ts";
import { matchesNode, untolerated } from "../../api/node-choice.ts";
import { parseQuantity } from "../../api/quantity.ts";

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
const CHECKS: readonly Check[] = [nodeAffinity, hostPorts, podCount, resource("cpu"), resource("memory"), taints];

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

interface HostPort {
  readonly port: number;
  readonly protocol: string;
  readonly ip: string;
}

function hostPorts(pod: Pod, { admitted }: NodeRoom): Refusal | undefined {
  const used = admitted.flatMap(portsOf);
  if (!portsOf(pod).some((port) => used.some((other) => conflict(port, other)))) return undefined;
  const message =
    "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  return { reason: "NodePorts", message };
}

function portsOf(pod: Pod): HostPort[] {
  const host = pod.spec?.hostNetwork === true;
  return [
    ...(pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === "Always"),
    ...(pod.spec?.containers ?? []),
  ]
    .flatMap((container) => container.ports ?? [])
    .map((port) => ({
      port: port.hostPort ?? (host ? port.containerPort : 0),
      protocol: port.protocol ?? "TCP",
      ip: port.hostIP || "0.0.0.0",
    }))
    .filter(({ port }) => port > 0);
}

function conflict(one: HostPort, other: HostPort): boolean {
  const overlap = one.ip === other.ip || one.ip === "0.0.0.0" || other.ip === "0.0.0.0";
  return overlap && one.port === other.port && one.protocol === other.protocol;
}

function podCount(_pod: Pod, { admitted, allocatable }: NodeRoom): Refusal | undefined {
  if (admitted.length < allocatable.pods) return undefined;
  return tooMuch("pods", { requested: 1, used: admitted.length, capacity: allocatable.pods });
}

function resource(name: "cpu" | "memory"): Check {
  return (pod, { admitted, allocatable }) => {
    const scale = name === "cpu" ? 1000 : 1;
    const requested = Math.ceil(requestOf(pod, name) * scale);
    const used = Math.ceil(admitted.reduce((sum, other) => sum + requestOf(other, name), 0) * scale);
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

/** A pod's effective request: its containers and sidecars together, or its largest init container beside the sidecars before it. */
export function requestOf(pod: Pod, name: "cpu" | "memory"): number {
  const ask = (container: {
    resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  }): number => parseQuantity(container.resources?.requests?.[name] ?? container.resources?.limits?.[name] ?? "0") ?? 0;
  let sidecars = 0;
  let largest = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    if (container.restartPolicy === "Always") sidecars += ask(container);
    largest = Math.max(largest, container.restartPolicy === "Always" ? sidecars : sidecars + ask(container));
  }
  const apps = (pod.spec?.containers ?? []).reduce((sum, container) => sum + ask(container), 0);
  const overhead = parseQuantity(pod.spec?.overhead?.[name] ?? "0") ?? 0;
  return Math.max(largest, apps + sidecars) + overhead;
}
