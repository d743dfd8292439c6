import type { Node, Pod } from "../../api/kinds.ts";
import { type Line, mapText } from "./lines.ts";

/** A Node, with the pods bound to it. */
export function describeNode(node: Node, pods: readonly Pod[]): Line[] {
  const { spec, status } = node;
  const amounts = (map: Readonly<Record<string, string>> | undefined): Line[] =>
    Object.entries(map ?? {}).map(([name, amount]) => [name, amount] as const);
  const info = status?.nodeInfo;
  const live = pods.filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
  return [
    ["Labels", mapText(node.metadata?.labels)],
    ["Annotations", mapText(node.metadata?.annotations)],
    ["CreationTimestamp", node.metadata?.creationTimestamp],
    [
      "Taints",
      (spec?.taints ?? [])
        .map((taint) => `${taint.key}${taint.value ? `=${taint.value}` : ""}:${taint.effect}`)
        .join("\n"),
    ],
    ["Unschedulable", String(spec?.unschedulable ?? false)],
    {
      title: "Conditions",
      rows: [
        ["Type", "Status", "LastTransitionTime", "Reason", "Message"],
        ...(status?.conditions ?? []).map((c) => [
          c.type,
          c.status,
          c.lastTransitionTime ?? "",
          c.reason ?? "",
          c.message ?? "",
        ]),
      ],
    },
    { title: "Addresses", lines: (status?.addresses ?? []).map((address): Line => [address.type, address.address]) },
    { title: "Capacity", lines: amounts(status?.capacity) },
    { title: "Allocatable", lines: amounts(status?.allocatable) },
    {
      title: "System Info",
      lines: [
        ["Machine ID", info?.machineID],
        ["Boot ID", info?.bootID],
        ["Kernel Version", info?.kernelVersion],
        ["OS Image", info?.osImage],
        ["Architecture", info?.architecture],
        ["Container Runtime Version", info?.containerRuntimeVersion],
        ["Agent Version", info?.kubeletVersion],
      ],
    },
    ["PodCIDR", spec?.podCIDR],
    {
      title: "Non-terminated Pods",
      rows: [
        ["Namespace", "Name", "CPU Requests", "Memory Requests"],
        ...live.map((pod) => [
          pod.metadata?.namespace ?? "",
          pod.metadata?.name ?? "",
          requested(pod, "cpu"),
          requested(pod, "memory"),
        ]),
      ],
    },
  ];
}

function requested(pod: Pod, resource: string): string {
  const amounts = (pod.spec?.containers ?? []).flatMap((container) => container.resources?.requests?.[resource] ?? []);
  return amounts.length === 0 ? "0" : amounts.join(" + ");
}
