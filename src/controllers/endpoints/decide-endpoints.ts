import { isDeepStrictEqual } from "node:util";
import type { Kinds } from "../../api/kinds.ts";
import type { Stored } from "../../api/stored.ts";
import { create, refOf, remove, update, type Write } from "../controller.ts";
import { families, portsKey, servicePods, type ServicePod } from "./service-pods.ts";

type Subset = NonNullable<Kinds["Endpoints"]["subsets"]>[number];
type Address = NonNullable<Subset["addresses"]>[number];

/** Upstream's limit for one Endpoints object; more are only in the slices. */
const MAX_ADDRESSES = 1000;
const OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity";
export const HEADLESS = "service.kubernetes.io/headless";

/** Whether Endpoints are made for a service: one that selects nothing leaves them to its user. */
export function selects(service: Stored<"Service">): boolean {
  return service.spec.type !== "ExternalName" && Object.keys(service.spec.selector ?? {}).length > 0;
}

export interface EndpointsSnapshot {
  readonly service: Stored<"Service">;
  readonly pods: readonly Stored<"Pod">[];
  readonly present: Stored<"Endpoints"> | undefined;
}

/** The Endpoints object of a service that selects pods. */
export function decideEndpoints({ service, pods, present }: EndpointsSnapshot): Write[] {
  const [family = "IPv4"] = families(service);
  const publish = service.spec.publishNotReadyAddresses === true;
  const found = servicePods(service, pods, family).filter(({ terminating }) => publish || !terminating);
  const subsets = subsetsOf(found.slice(0, MAX_ADDRESSES));
  const labels = {
    ...service.metadata.labels,
    ...(service.spec.clusterIP === "None" ? { [HEADLESS]: "" } : {}),
    "endpoints.kubernetes.io/managed-by": "endpoint-controller",
  };
  const { [OVER_CAPACITY]: _, ...kept } = present?.metadata.annotations ?? {};
  const annotations = found.length > MAX_ADDRESSES ? { ...kept, [OVER_CAPACITY]: "truncated" } : kept;
  if (!present) {
    const { name, namespace, uid } = service.metadata;
    const metadata = { name, ...(namespace !== undefined ? { namespace } : {}), labels, annotations };
    return [create("Endpoints", { metadata, subsets }, [uid, "endpoints"])];
  }
  if (
    isDeepStrictEqual(present.subsets ?? [], subsets) &&
    isDeepStrictEqual(present.metadata.labels ?? {}, labels) &&
    isDeepStrictEqual(present.metadata.annotations ?? {}, annotations)
  ) {
    return [];
  }
  return [update("Endpoints", { ...present, metadata: { ...present.metadata, labels, annotations }, subsets })];
}

/** Takes away the Endpoints of a service that is gone. They have its name and no owner reference, as upstream's. */
export function removeEndpoints(present: Stored<"Endpoints">): Write[] {
  return [remove("Endpoints", refOf(present))];
}

function subsetsOf(pods: readonly ServicePod[]): Subset[] {
  const groups = new Map<string, ServicePod[]>();
  for (const pod of pods) {
    const key = portsKey(pod.ports);
    const group = groups.get(key);
    if (group) group.push(pod);
    else groups.set(key, [pod]);
  }
  return [...groups.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => {
      const addresses = addressesOf(group.filter(({ ready }) => ready));
      const notReadyAddresses = addressesOf(group.filter(({ ready }) => !ready));
      const ports = [...(group[0]?.ports ?? [])].toSorted((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
      return {
        ...(addresses.length > 0 ? { addresses } : {}),
        ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
        ...(ports.length > 0 ? { ports: ports.map((port) => ({ ...port })) } : {}),
      };
    });
}

function addressesOf(pods: readonly ServicePod[]): Address[] {
  return pods
    .map(({ pod, address, hostname }) => ({
      ip: address,
      ...(hostname !== undefined ? { hostname } : {}),
      ...(pod.spec.nodeName !== undefined ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: podReference(pod),
    }))
    .toSorted((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0));
}

export function podReference({ metadata }: Stored<"Pod">): {
  kind: string;
  namespace: string;
  name: string;
  uid: string;
} {
  return { kind: "Pod", namespace: metadata.namespace ?? "", name: metadata.name, uid: metadata.uid };
}
