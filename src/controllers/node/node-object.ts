import type { NodeReading, Pressure } from "../../api/node-reading.ts";
import { isDeepStrictEqual } from "node:util";
import type { Kinds } from "../../api/kinds.ts";
import type { Stored } from "../../api/stored.ts";
import { timestamp } from "../../lib/clock.ts";

export type NodeStatus = NonNullable<Kinds["Node"]["status"]>;
type Condition = NonNullable<NodeStatus["conditions"]>[number];

export interface NodeIdentity {
  readonly name: string;
  /** From `--labels`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Upstream's well-known labels for this machine, and the user's. */
export function nodeLabels({ name, labels }: NodeIdentity, reading: NodeReading): Record<string, string> {
  const { operatingSystem, architecture } = reading.nodeInfo;
  return {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": operatingSystem,
    "kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": operatingSystem,
    "beta.kubernetes.io/arch": architecture,
    ...labels,
  };
}

/** The status from one reading; conditions keep their times of transition. */
export function nodeStatus(before: NodeStatus | undefined, reading: NodeReading, now: number): NodeStatus {
  const { capacity, allocatable, nodeInfo, addresses, images } = reading;
  return {
    ...before,
    capacity: { ...capacity },
    allocatable: { ...allocatable },
    nodeInfo,
    addresses,
    images,
    conditions: conditionsOf(reading).map((wanted) => timed(before?.conditions, wanted, now)),
  };
}

/** Whether two statuses differ in more than the time at which they were taken. */
export function sameStatus(a: NodeStatus | undefined, b: NodeStatus): boolean {
  return isDeepStrictEqual(withoutHeartbeats(a ?? {}), withoutHeartbeats(b));
}

/** A status for when not even a reading could be had. */
export function unreadable(before: NodeStatus | undefined, why: string, now: number): NodeStatus {
  const wanted = { type: "Ready", status: "False", reason: "KubeletNotReady", message: why };
  const others = (before?.conditions ?? []).filter(({ type }) => type !== "Ready");
  return { ...before, conditions: [...others, timed(before?.conditions, wanted, now)] };
}

type Wanted = Omit<Condition, "lastHeartbeatTime" | "lastTransitionTime">;

/** Reasons and messages as upstream's kubelet words them, because `kubectl describe node` users know them. */
function conditionsOf(reading: NodeReading): Wanted[] {
  const ready = reading.notReady.length === 0;
  return [
    pressure("MemoryPressure", reading.memoryPressure, {
      yes: ["KubeletHasInsufficientMemory", "kubelet has insufficient memory available"],
      no: ["KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
    }),
    pressure("DiskPressure", reading.diskPressure, {
      yes: ["KubeletHasDiskPressure", "kubelet has disk pressure"],
      no: ["KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    }),
    pressure("PIDPressure", reading.pidPressure, {
      yes: ["KubeletHasInsufficientPID", "kubelet has insufficient PID available"],
      no: ["KubeletHasSufficientPID", "kubelet has sufficient PID available"],
    }),
    {
      type: "Ready",
      status: ready ? "True" : "False",
      reason: ready ? "KubeletReady" : "KubeletNotReady",
      message: ready ? "the agent is posting ready status" : reading.notReady.join("; "),
    },
  ];
}

function pressure(
  type: string,
  { pressed, message }: Pressure,
  words: { readonly yes: readonly [string, string]; readonly no: readonly [string, string] },
): Wanted {
  const [reason, usual] = pressed ? words.yes : words.no;
  return { type, status: pressed ? "True" : "False", reason, message: message ?? usual };
}

function timed(before: readonly Condition[] | undefined, wanted: Wanted, now: number): Condition {
  const present = before?.find(({ type }) => type === wanted.type);
  const at = timestamp(now);
  const lastTransitionTime = present?.status === wanted.status ? (present.lastTransitionTime ?? at) : at;
  return { ...wanted, lastHeartbeatTime: at, lastTransitionTime };
}

function withoutHeartbeats(status: NodeStatus): NodeStatus {
  if (!status.conditions) return status;
  const conditions = status.conditions.map((condition) => {
    const { lastHeartbeatTime: _, ...rest } = condition;
    return rest;
  });
  return { ...status, conditions };
}

/** The labels of the machine laid over those of the object, whose other labels are the users'. */
export function relabelled(node: Stored<"Node">, labels: Readonly<Record<string, string>>): Stored<"Node"> | undefined {
  const merged = { ...node.metadata.labels, ...labels };
  if (isDeepStrictEqual(merged, node.metadata.labels ?? {})) return undefined;
  return { ...node, metadata: { ...node.metadata, labels: merged } };
}
