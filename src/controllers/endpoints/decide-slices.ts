import { isDeepStrictEqual } from "node:util";
import type { Endpoint, EndpointSlice, Kinds } from "../../api/kinds.ts";
import type { Stored } from "../../api/stored.ts";
import { create, refOf, remove, update, type Write } from "../controller.ts";
import { HEADLESS, podReference } from "./decide-endpoints.ts";
import { portsKey, type EndpointPort, type Family, type ServicePod } from "./service-pods.ts";

/** Upstream's `--max-endpoints-per-slice`. */
const MAX_PER_SLICE = 100;
const SERVICE_NAME = "kubernetes.io/service-name";
export const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
export const SLICE_CONTROLLER = "endpointslice-controller.k8s.io";
export const MIRROR_CONTROLLER = "endpointslicemirroring-controller.k8s.io";

/** What the slices of one service, one family and one set of ports should hold. */
export interface SliceGroup {
  readonly family: Family | "FQDN";
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SlicesSnapshot {
  readonly service: Stored<"Service">;
  readonly manager: string;
  readonly groups: readonly SliceGroup[];
  /** The slices of this manager. */
  readonly present: readonly Stored<"EndpointSlice">[];
  readonly attempt: number;
}

/** Groups pods by what can share a slice; a service without any gets one empty slice, as upstream makes it. */
export function sliceGroups(
  pods: readonly ServicePod[],
  { family, zoneOf }: { readonly family: Family; readonly zoneOf: (node: string) => string | undefined },
): SliceGroup[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const key = portsKey(pod.ports);
    const group = groups.get(key) ?? { ports: pod.ports, endpoints: [] };
    group.endpoints.push(endpointOf(pod, zoneOf));
    groups.set(key, group);
  }
  if (groups.size === 0) return [{ family, ports: [], endpoints: [] }];
  return [...groups.values()].map(({ ports, endpoints }) => ({ family, ports, endpoints }));
}

function endpointOf(found: ServicePod, zoneOf: (node: string) => string | undefined): Endpoint {
  const { pod, address, hostname, ready, serving, terminating } = found;
  const node = pod.spec.nodeName;
  const zone = node === undefined ? undefined : zoneOf(node);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined ? { hostname } : {}),
    ...(node !== undefined ? { nodeName: node } : {}),
    ...(zone !== undefined ? { zone } : {}),
    targetRef: podReference(pod),
  };
}

/** Changes as few slices as it can: endpoints stay where they are, new ones fill up slices before another is made. */
export function decideSlices({ service, manager, groups, present, attempt }: SlicesSnapshot): Write[] {
  const labels = labelsOf(service, manager);
  const writes: Write[] = [];
  const free = new Set(present);
  let made = 0;
  for (const group of groups) {
    const own = present.filter((slice) => slice.addressType === group.family && sameSlicePorts(slice, group.ports));
    for (const slice of own) free.delete(slice);
    for (const { slice, endpoints } of spread(group, own)) {
      if (slice) {
        writes.push(...changed(slice, { labels, endpoints, service }));
      } else {
        const cause = [service.metadata.uid, manager, String(attempt + made)];
        made += 1;
        writes.push(create("EndpointSlice", newSlice(service, { group, labels, endpoints }), cause));
      }
    }
  }
  return [...writes, ...[...free].map((slice) => remove("EndpointSlice", refOf(slice)))];
}

function spread(
  group: SliceGroup,
  own: readonly Stored<"EndpointSlice">[],
): { slice: Stored<"EndpointSlice"> | undefined; endpoints: Endpoint[] }[] {
  const wanted = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const placed = own.map((slice) => {
    const endpoints = (slice.endpoints ?? []).flatMap((endpoint) => {
      const next = wanted.get(identity(endpoint));
      wanted.delete(identity(endpoint));
      return next ? [next] : [];
    });
    return { slice: slice as Stored<"EndpointSlice"> | undefined, endpoints };
  });
  const rest = [...wanted.values()];
  for (const { endpoints } of placed) endpoints.push(...rest.splice(0, Math.max(0, MAX_PER_SLICE - endpoints.length)));
  while (rest.length > 0) placed.push({ slice: undefined, endpoints: rest.splice(0, MAX_PER_SLICE) });
  if (placed.length === 0) placed.push({ slice: undefined, endpoints: [] });
  // Emptied slices go, but for one.
  const filled = placed.filter(({ endpoints }) => endpoints.length > 0);
  return filled.length > 0
    ? [...filled, ...placed.filter(({ slice, endpoints }) => slice && endpoints.length === 0)]
    : placed;
}

function identity({ targetRef, addresses }: Endpoint): string {
  return `${targetRef?.uid ?? ""}/${addresses.join(",")}`;
}

function sameSlicePorts(slice: Stored<"EndpointSlice">, ports: readonly EndpointPort[]): boolean {
  const own = (slice.ports ?? []).map(({ name, port = 0, protocol = "TCP", appProtocol }) => ({
    ...(name !== undefined ? { name } : {}),
    port,
    protocol,
    ...(appProtocol !== undefined ? { appProtocol } : {}),
  }));
  return portsKey(own) === portsKey(ports);
}

interface Wanted {
  readonly labels: Record<string, string>;
  readonly endpoints: Endpoint[];
  readonly service: Stored<"Service">;
}

function changed(slice: Stored<"EndpointSlice">, { labels, endpoints, service }: Wanted): Write[] {
  const owners = [ownerOf(service)];
  const same =
    isDeepStrictEqual(slice.endpoints ?? [], endpoints) &&
    isDeepStrictEqual(slice.metadata.labels ?? {}, labels) &&
    isDeepStrictEqual(slice.metadata.ownerReferences ?? [], owners);
  if (same) return [];
  const metadata = { ...slice.metadata, labels, ownerReferences: owners };
  return [update("EndpointSlice", { ...slice, metadata, endpoints })];
}

function newSlice(
  service: Stored<"Service">,
  { group, labels, endpoints }: { group: SliceGroup; labels: Record<string, string>; endpoints: Endpoint[] },
): Omit<EndpointSlice, "metadata"> & { metadata: NonNullable<EndpointSlice["metadata"]> } {
  const { name, namespace } = service.metadata;
  return {
    addressType: group.family,
    metadata: {
      generateName: `${name}-`,
      ...(namespace !== undefined ? { namespace } : {}),
      labels,
      ownerReferences: [ownerOf(service)],
    },
    endpoints,
    ports: group.ports.map((port) => ({ name: "", ...port })),
  };
}

function ownerOf({
  metadata,
}: Stored<"Service">): NonNullable<NonNullable<Kinds["Service"]["metadata"]>["ownerReferences"]>[number] {
  const { name, uid } = metadata;
  return { apiVersion: "v1", kind: "Service", name, uid, controller: true, blockOwnerDeletion: true };
}

function labelsOf(service: Stored<"Service">, manager: string): Record<string, string> {
  return {
    ...service.metadata.labels,
    ...(service.spec.clusterIP === "None" ? { [HEADLESS]: "" } : {}),
    [SERVICE_NAME]: service.metadata.name,
    [MANAGED_BY]: manager,
  };
}
