import type { ServiceEntry, ServiceTable } from "./service-table.ts";

/** What `conntrack -D` takes to pick flows. */
export type FlowFilter = readonly string[];

/**
 * The flows to forget when services change: those of UDP clients that were sent to a target which the service no longer
 * has, and those that were sent to a node port before a service had it. Pure.
 */
export function staleUdpFlows(before: ServiceTable, after: ServiceTable): FlowFilter[] {
  const now = new Map(after.map((entry) => [entry.id, entry]));
  const old = new Map(before.map((entry) => [entry.id, entry]));
  return [
    ...before.filter(isUdp).flatMap((entry) => flowsToLost(entry, now.get(entry.id))),
    ...after.filter(isUdp).flatMap((entry) => flowsToNobody(entry, old.get(entry.id))),
  ];
}

function flowsToLost(old: ServiceEntry, now: ServiceEntry | undefined): FlowFilter[] {
  const kept = addresses(now);
  return [...addresses(old)]
    .filter((ip) => !kept.has(ip))
    .flatMap((ip) => [
      ...old.addresses.map((vip) => toTarget({ vip, port: old.port, ip })),
      ...(old.node === undefined ? [] : [toTarget({ port: old.node.port, ip })]),
    ]);
}

/** The host itself was asked, and the flow leads there for as long as its client keeps sending. */
function flowsToNobody({ node }: ServiceEntry, old: ServiceEntry | undefined): FlowFilter[] {
  if (node === undefined || node.targets.length === 0) return [];
  if (old?.node?.port === node.port && old.node.targets.length > 0) return [];
  return [["-p", "udp", "--orig-port-dst", `${node.port}`, "--reply-port-src", `${node.port}`]];
}

function addresses(entry: ServiceEntry | undefined): Set<string> {
  return new Set([...(entry?.targets ?? []), ...(entry?.node?.targets ?? [])].map(({ ip }) => ip));
}

function isUdp({ protocol }: ServiceEntry): boolean {
  return protocol === "udp";
}

/** `vip` is left out for a node port, which every address of the node has. */
function toTarget({ vip, port, ip }: { vip?: string; port: number; ip: string }): FlowFilter {
  const to = vip === undefined ? [] : ["--orig-dst", vip];
  return ["-p", "udp", ...to, "--orig-port-dst", `${port}`, "--reply-src", ip];
}
