import { isIP } from "node:net";
import type { EndpointSlice, Service } from "./kinds.ts";

/** One address that may be sent traffic for a service, with the ports that its slice gives it. */
export interface ServingEndpoint {
  readonly address: string;
  /** The pod's hostname where its subdomain names the service. */
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

export interface ServingOptions {
  /** Nodes that gossip suspects. Left out, unless they hold more than half of the service's endpoints. */
  readonly suspectedNodes?: ReadonlySet<string>;
}

/** The key under which a service and its slices meet: `namespace/name`. */
export function serviceKey(namespace: string | undefined, name: string | undefined): string {
  return `${namespace ?? "default"}/${name ?? ""}`;
}

export function groupSlices(slices: Iterable<EndpointSlice>): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata?.labels?.["kubernetes.io/service-name"];
    if (service === undefined) continue;
    const key = serviceKey(slice.metadata?.namespace, service);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  return groups;
}

/**
 * The ready endpoints of a service, in a stable order, each address once per slice's set of ports. All endpoints where
 * the service publishes not ready addresses. Slices of FQDN type name no address and are left out, and so is what is no
 * address or port at all: it becomes rules of the kernel.
 */
export function servingEndpoints(
  service: Service,
  slices: readonly EndpointSlice[],
  { suspectedNodes }: ServingOptions = {},
): ServingEndpoint[] {
  const all = service.spec?.publishNotReadyAddresses === true;
  const found = new Map<string, ServingEndpoint>();
  for (const slice of slices) {
    if (slice.addressType === "FQDN") continue;
    const ports = (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
      port === undefined || !isPort(port) ? [] : [{ name: name ?? "", protocol: protocol ?? "TCP", port }],
    );
    const portsKey = ports.map(({ name, protocol, port }) => `${name}/${protocol}/${port}`).join();
    for (const { addresses, conditions, hostname, nodeName } of slice.endpoints ?? []) {
      const address = addresses[0];
      // Upstream reads a missing condition as ready (discovery/v1 EndpointConditions).
      if (address === undefined || isIP(address) === 0 || !(all || conditions?.ready !== false)) continue;
      found.set(`${address} ${portsKey}`, {
        address,
        ports,
        ...(hostname ? { hostname } : {}),
        ...(nodeName ? { nodeName } : {}),
      });
    }
  }
  const endpoints = [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
  if (suspectedNodes === undefined || suspectedNodes.size === 0) return endpoints;
  const trusted = endpoints.filter(({ nodeName }) => nodeName === undefined || !suspectedNodes.has(nodeName));
  return trusted.length * 2 >= endpoints.length ? trusted : endpoints;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535;
}
