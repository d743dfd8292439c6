import type { Lease, Node, Pod } from "../../api/kinds.ts";
import { ageCell } from "../../api/columns.ts";
import { isFinished } from "../../api/pod-state.ts";
import { addQuantities, parseMilli } from "../../api/quantity.ts";
import { below, headLines, optional, orNone, timeText, type Lines } from "./description.ts";

type Amounts = Readonly<Record<string, string>>;
type Which = "requests" | "limits";

export interface AboutNode {
  /** Those bound to it. */
  readonly pods: readonly Pod[];
  readonly lease: Lease | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function describeNode(node: Node, { pods, lease, now }: AboutNode): Lines {
  const { metadata, spec, status } = node;
  const roles = Object.keys(metadata?.labels ?? {}).flatMap(
    (label) => /^node-role\.kubernetes\.io\/(.+)$/.exec(label)?.[1] ?? [],
  );
  const [name = "", ...head] = headLines(metadata);
  const taints = (spec?.taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ""}:${effect}`);
  const live = pods.filter((pod) => !isFinished(pod));
  return [
    name,
    `Roles:\t${orNone(roles.toSorted().join(","))}`,
    ...head,
    `CreationTimestamp:\t${timeText(metadata?.creationTimestamp)}`,
    ...below("Taints", taints),
    `Unschedulable:\t${spec?.unschedulable ?? false}`,
    ...leaseLines(lease),
    ...conditionLines(node),
    "Addresses:",
    ...(status?.addresses ?? []).map(({ type, address }) => `  ${type}:\t${address}`),
    ...amountLines("Capacity", status?.capacity),
    ...amountLines("Allocatable", status?.allocatable),
    ...systemLines(node),
    ...optional("PodCIDR", spec?.podCIDR),
    ...optional("PodCIDRs", spec?.podCIDRs?.join(",")),
    ...podLines(live, { allocatable: status?.allocatable ?? {}, now }),
    ...allocatedLines(live, status?.allocatable ?? {}),
  ];
}

function leaseLines(lease: Lease | undefined): string[] {
  const { holderIdentity, acquireTime, renewTime } = lease?.spec ?? {};
  return [
    "Lease:",
    `  HolderIdentity:\t${holderIdentity ?? "<unset>"}`,
    `  AcquireTime:\t${timeText(acquireTime)}`,
    `  RenewTime:\t${timeText(renewTime)}`,
  ];
}

function conditionLines({ status }: Node): string[] {
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return [];
  return [
    "Conditions:",
    "  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage",
    "  ----\t------\t-----------------\t------------------\t------\t-------",
    ...conditions.map((one) => {
      const times = [one.lastHeartbeatTime, one.lastTransitionTime].map(timeText);
      return `  ${one.type} \t${one.status} \t${times.join(" \t")} \t${one.reason ?? ""} \t${one.message ?? ""}`;
    }),
  ];
}

function amountLines(title: string, amounts: Amounts | undefined): string[] {
  const entries = Object.entries(amounts ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? [] : [`${title}:`, ...entries.map(([name, amount]) => `  ${name}:\t${amount}`)];
}

function systemLines({ status }: Node): string[] {
  const info = status?.nodeInfo;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["Machine ID", info?.machineID],
    ["System UUID", info?.systemUUID],
    ["Boot ID", info?.bootID],
    ["Kernel Version", info?.kernelVersion],
    ["OS Image", info?.osImage],
    ["Operating System", info?.operatingSystem],
    ["Architecture", info?.architecture],
    ["Container Runtime Version", info?.containerRuntimeVersion],
    ["Kubelet Version", info?.kubeletVersion],
    ["Kube-Proxy Version", info?.kubeProxyVersion],
  ];
  return ["System Info:", ...lines.map(([title, value = ""]) => `  ${title}:\t${value}`)];
}

function podLines(pods: readonly Pod[], { allocatable, now }: { allocatable: Amounts; now: number }): string[] {
  const row = (pod: Pod): string => {
    const amounts = (["cpu", "memory"] as const).flatMap((name) =>
      (["requests", "limits"] as const).map((which) => shared(amountOf([pod], which, name), allocatable[name])),
    );
    const { namespace = "", name = "" } = pod.metadata ?? {};
    return `  ${namespace}\t${name}\t\t${amounts.join("\t")}\t${ageCell(pod, { now })}`;
  };
  return [
    `Non-terminated Pods:\t(${pods.length} in total)`,
    "  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge",
    "  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---",
    ...pods.map(row),
  ];
}

function allocatedLines(pods: readonly Pod[], allocatable: Amounts): string[] {
  const both = (name: string): string =>
    (["requests", "limits"] as const).map((which) => shared(amountOf(pods, which, name), allocatable[name])).join("\t");
  return [
    "Allocated resources:",
    "  (Total limits may be over 100 percent, i.e., overcommitted.)",
    "  Resource\tRequests\tLimits",
    "  --------\t--------\t------",
    ...["cpu", "memory", "ephemeral-storage"].map((name) => `  ${name}\t${both(name)}`),
  ];
}

/** `10m (0%)`: an amount and how much it is of the whole. */
function shared(amount: string, whole: string | undefined): string {
  const all = parseMilli(whole);
  return `${amount} (${all === 0 ? 0 : Math.trunc((parseMilli(amount) / all) * 100)}%)`;
}

/** The sum over the pods' containers and sidecars, or over a pod's greediest init container where that is more. */
function amountOf(pods: readonly Pod[], which: Which, name: string): string {
  const sums = pods.flatMap(({ spec }) => {
    const of = (containers: NonNullable<Pod["spec"]>["containers"]): string[] =>
      containers.flatMap(({ resources }) => resources?.[which]?.[name] ?? []);
    const inits = spec?.initContainers ?? [];
    const lasting = of([...(spec?.containers ?? []), ...inits.filter((one) => one.restartPolicy === "Always")]);
    const sum = lasting.length === 0 ? [] : [total(lasting)];
    const greediest = of(inits).toSorted((a, b) => parseMilli(b) - parseMilli(a))[0];
    return greediest !== undefined && parseMilli(greediest) > parseMilli(sum[0]) ? [greediest] : sum;
  });
  return sums.length === 0 ? "0" : total(sums);
}

function total([first = "0", ...others]: readonly string[]): string {
  return addQuantities(first, ...others);
}
