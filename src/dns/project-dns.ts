import type { EndpointSlice, Pod, Service } from "../api/kinds.ts";
import { groupSlices, serviceKey, servingEndpoints, type ServingOptions } from "../api/serving-endpoints.ts";
import type { DnsPort, DnsService, DnsSnapshot } from "./snapshot.ts";

export interface DnsObjects {
  readonly services: Iterable<Service>;
  readonly endpointSlices: Iterable<EndpointSlice>;
  /** With them `1-2-3-4.ns.pod.DOMAIN` is answered only for addresses that pods really have. */
  readonly pods?: Iterable<Pod>;
}

export interface DnsConfig extends ServingOptions {
  readonly domain: string;
  /** Pod and service ranges. */
  readonly ranges: readonly string[];
  readonly upstreams: readonly string[];
  readonly servers?: readonly string[];
  /** Seconds; upstream's DNS answers with 5 by default. */
  readonly ttl?: number;
}

/** The DNS view of the cluster. Pure. For changes, keep the snapshot and replace single entries by `projectDnsService`. */
export function projectDns(objects: DnsObjects, config: DnsConfig): DnsSnapshot {
  const slices = groupSlices(objects.endpointSlices);
  const services: Record<string, DnsService> = {};
  for (const service of objects.services) {
    const key = serviceKey(service.metadata?.namespace, service.metadata?.name);
    const projected = projectDnsService(service, slices.get(key) ?? [], config);
    if (projected !== undefined) services[key] = projected;
  }
  return {
    domain: config.domain.toLowerCase().replace(/\.$/, ""),
    ttl: config.ttl ?? 5,
    services,
    ...(objects.pods === undefined ? {} : { pods: podAddresses(objects.pods) }),
    ranges: config.ranges,
    servers: config.servers ?? [],
    upstreams: config.upstreams,
  };
}

/** One service's entry; undefined while it has no address yet. `slices` are that service's own. */
export function projectDnsService(
  service: Service,
  slices: readonly EndpointSlice[],
  options: ServingOptions = {},
): DnsService | undefined {
  const spec = service.spec;
  if (spec?.type === "ExternalName") {
    const target = spec.externalName?.toLowerCase().replace(/\.$/, "");
    return target ? { type: "external", target } : undefined;
  }
  if (spec?.clusterIP === "None") {
    return {
      type: "headless",
      endpoints: servingEndpoints(service, slices, options).map(({ address, hostname, ports }) => ({
        address,
        ...(hostname === undefined ? {} : { hostname: hostname.toLowerCase() }),
        ports: ports.map(dnsPort),
      })),
    };
  }
  const addresses = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  if (addresses.length === 0) return undefined;
  return { type: "virtual", addresses, ports: (spec?.ports ?? []).map(dnsPort) };
}

function dnsPort({ name, protocol, port }: { name?: string; protocol?: string; port: number }): DnsPort {
  const lower = protocol?.toLowerCase();
  return { name: name ?? "", protocol: lower === "udp" || lower === "sctp" ? lower : "tcp", port };
}

function podAddresses(pods: Iterable<Pod>): Record<string, string[]> {
  const addresses: Record<string, string[]> = {};
  for (const { metadata, status } of pods) {
    const phase = status?.phase;
    if (phase === "Succeeded" || phase === "Failed") continue;
    const ips = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]);
    if (ips.length > 0) (addresses[metadata?.namespace ?? "default"] ??= []).push(...ips);
  }
  return addresses;
}
