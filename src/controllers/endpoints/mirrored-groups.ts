import type { Endpoint } from "../../api/kinds.ts";
import type { Stored } from "../../api/stored.ts";
import type { SliceGroup } from "./decide-slices.ts";
import type { EndpointPort, Family } from "./service-pods.ts";

const SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror";

/** Endpoints that a user keeps by hand for a service without a selector, as the slices that should show them. */
export function mirroredGroups(endpoints: Stored<"Endpoints"> | undefined): SliceGroup[] {
  if (!endpoints || endpoints.metadata.labels?.[SKIP_MIRROR] === "true") return [];
  return (endpoints.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [
      ...addresses.map((address) => ({ address, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ready: false })),
    ];
    const own: EndpointPort[] = ports.map(({ name, port, protocol = "TCP", appProtocol }) => ({
      ...(name !== undefined ? { name } : {}),
      port,
      protocol,
      ...(appProtocol !== undefined ? { appProtocol } : {}),
    }));
    return (["IPv4", "IPv6"] satisfies Family[]).flatMap((family) => {
      const members = all.filter(({ address }) => address.ip.includes(":") === (family === "IPv6"));
      const found = members.map(({ address, ready }): Endpoint => {
        const { ip, hostname, nodeName, targetRef } = address;
        return {
          addresses: [ip],
          conditions: { ready },
          ...(hostname !== undefined ? { hostname } : {}),
          ...(nodeName !== undefined ? { nodeName } : {}),
          ...(targetRef !== undefined ? { targetRef } : {}),
        };
      });
      return found.length > 0 ? [{ family, ports: own, endpoints: found }] : [];
    });
  });
}
