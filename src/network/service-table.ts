import { isIPv4 } from "node:net";
import type { EndpointSlice, Service } from "../api/kinds.ts";
import { groupSlices, serviceKey, servingEndpoints, type ServingOptions } from "../api/serving-endpoints.ts";

export type Protocol = "tcp" | "udp" | "sctp";

export interface Target {
  readonly ip: string;
  readonly port: number;
}

/** One port of one service, as the kernel must forward it. */
export interface ServiceEntry {
  /** `namespace/name:port/protocol` */
  readonly id: string;
  readonly protocol: Protocol;
  /** The service's virtual IPv4 addresses. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Where connections to the virtual addresses go; empty refuses them. Ordered. */
  readonly targets: readonly Target[];
  readonly node?: {
    readonly port: number;
    /** Where connections to the node port go; fewer than `targets` under externalTrafficPolicy Local. */
    readonly targets: readonly Target[];
    /** Pods see the client's own address. */
    readonly keepsClientAddress: boolean;
  };
  /** Seconds for which a client stays with its pod; undefined without session affinity. */
  readonly affinitySeconds?: number;
}

/** Every entry that the kernel must know, ordered by id. */
export type ServiceTable = readonly ServiceEntry[];

export interface ServiceTableInput extends ServingOptions {
  readonly services: Iterable<Service>;
  readonly endpointSlices: Iterable<EndpointSlice>;
  /** This node's name, for traffic policies. */
  readonly nodeName: string;
}

/** What upstream keeps a client on its pod for where the service does not say (core/v1 DefaultClientIPServiceAffinitySeconds). */
const DEFAULT_AFFINITY_SECONDS = 10_800;

/** The kernel's view of all services. Pure. Headless and ExternalName services have no part in it, nor has IPv6 yet. */
export function projectServiceTable({
  services,
  endpointSlices,
  nodeName,
  ...serving
}: ServiceTableInput): ServiceTable {
  const slices = groupSlices(endpointSlices);
  const entries = [...services].flatMap((service) => {
    const own = slices.get(serviceKey(service.metadata?.namespace, service.metadata?.name)) ?? [];
    return entriesOf({ service, slices: own, nodeName, serving });
  });
  return entries.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

interface ServiceParts {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly nodeName: string;
  readonly serving: ServingOptions;
}

function entriesOf({ service, slices, nodeName, serving }: ServiceParts): ServiceEntry[] {
  const spec = service.spec;
  if (spec === undefined || spec.type === "ExternalName") return [];
  const all = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : [];
  const addresses = all.filter((address) => isIPv4(address));
  if (addresses.length === 0) return [];
  const ready = servingEndpoints(service, withoutIpv6(slices), serving);
  const here = ready.filter((endpoint) => endpoint.nodeName === nodeName);
  const affinitySeconds =
    spec.sessionAffinity === "ClientIP"
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
      : undefined;
  return (spec.ports ?? []).map((port) => {
    const protocol = protocolOf(port.protocol);
    const targetsOf = (endpoints: typeof ready): Target[] =>
      endpoints.flatMap(({ address, ports }) =>
        (isIPv4(address) ? ports : [])
          .filter(({ name, protocol: wanted }) => name === (port.name ?? "") && protocolOf(wanted) === protocol)
          .map((found) => ({ ip: address, port: found.port })),
      );
    const external = spec.externalTrafficPolicy === "Local" ? here : ready;
    const node =
      port.nodePort === undefined || port.nodePort === 0
        ? undefined
        : {
            port: port.nodePort,
            targets: targetsOf(external),
            keepsClientAddress: spec.externalTrafficPolicy === "Local",
          };
    return {
      id: `${serviceKey(service.metadata?.namespace, service.metadata?.name)}:${port.port}/${protocol}`,
      protocol,
      addresses,
      port: port.port,
      targets: targetsOf(spec.internalTrafficPolicy === "Local" ? here : ready),
      ...(node === undefined ? {} : { node }),
      ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
    };
  });
}

function withoutIpv6(slices: readonly EndpointSlice[]): EndpointSlice[] {
  return slices.filter(({ addressType }) => addressType !== "IPv6");
}

function protocolOf(protocol: string | undefined): Protocol {
  const lower = protocol?.toLowerCase();
  return lower === "udp" || lower === "sctp" ? lower : "tcp";
}

/** Every pod address that the table sends connections to. */
export function targetAddresses(table: ServiceTable): Set<string> {
  return new Set(table.flatMap(({ targets, node }) => [...targets, ...(node?.targets ?? [])].map(({ ip }) => ip)));
}
