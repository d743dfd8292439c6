import type { Service } from "../../api/kinds.ts";

export type ServiceSpec = NonNullable<Service["spec"]>;

export function needsClusterIp(spec: ServiceSpec): boolean {
  return spec.type !== "ExternalName" && spec.clusterIP !== "None";
}

export function needsNodePorts(spec: ServiceSpec): boolean {
  if (spec.type === "NodePort") return true;
  return spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false;
}

export function needsHealthCheckPort(spec: ServiceSpec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

/**
 * What an update that does not name them keeps from before, and what goes with the old type: clients that replace a
 * service need not know what was allocated for it.
 */
export function carryOver(next: ServiceSpec, previous: ServiceSpec): void {
  if (needsClusterIp(next)) keepClusterIp(next, previous);
  else if (next.type === "ExternalName" && next.clusterIP === previous.clusterIP) {
    delete next.clusterIP;
    delete next.clusterIPs;
    delete next.ipFamilies;
  }
  if (needsNodePorts(next)) keepNodePorts(next, previous);
  else if (!needsNodePorts(next) && needsNodePorts(previous) && next.type !== "LoadBalancer")
    dropNodePorts(next, previous);
  for (const field of goneWithType(next)) if (next[field] === previous[field]) delete next[field];
  if (needsHealthCheckPort(next)) next.healthCheckNodePort ||= previous.healthCheckNodePort ?? 0;
  else if (next.healthCheckNodePort === previous.healthCheckNodePort) delete next.healthCheckNodePort;
}

type TypeField =
  | "externalTrafficPolicy"
  | "allocateLoadBalancerNodePorts"
  | "loadBalancerClass"
  | "internalTrafficPolicy"
  | "ipFamilyPolicy";

/** Fields that the new type does not have: the client that changed the type need not take them out itself. */
function goneWithType(next: ServiceSpec): readonly TypeField[] {
  const { type, externalIPs = [] } = next;
  const isExternal = type === "NodePort" || type === "LoadBalancer" || externalIPs.length > 0;
  return [
    ...(isExternal ? [] : (["externalTrafficPolicy"] as const)),
    ...(type === "LoadBalancer" ? [] : (["allocateLoadBalancerNodePorts", "loadBalancerClass"] as const)),
    ...(type === "ExternalName" ? (["internalTrafficPolicy", "ipFamilyPolicy"] as const) : []),
  ];
}

function keepClusterIp(next: ServiceSpec, previous: ServiceSpec): void {
  if (!needsClusterIp(previous) || next.clusterIP) return;
  if (previous.clusterIP) next.clusterIP = previous.clusterIP;
  if (previous.clusterIPs && (next.clusterIPs ?? []).length === 0) next.clusterIPs = [...previous.clusterIPs];
}

function keepNodePorts(next: ServiceSpec, previous: ServiceSpec): void {
  if (!needsNodePorts(previous)) return;
  const before = new Map((previous.ports ?? []).map((port) => [port.name ?? "", port]));
  for (const port of next.ports ?? []) {
    const old = before.get(port.name ?? "");
    if (!port.nodePort && old?.nodePort && old.protocol === port.protocol) port.nodePort = old.nodePort;
  }
}

function dropNodePorts(next: ServiceSpec, previous: ServiceSpec): void {
  const before = new Set((previous.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of next.ports ?? []) {
    if (port.nodePort && before.has(port.nodePort)) delete port.nodePort;
  }
}
