import { isReason } from "../api/api-error.ts";
import { isDeepStrictEqual } from "node:util";
import type { EndpointSlice } from "../api/kinds.ts";
import type { Objects } from "../api/objects.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

export interface BootstrapOptions {
  /** The first address of the service range: upstream's choice for the `kubernetes` service. */
  readonly serviceAddress: string;
  /** Where this node's API is reached over HTTPS. */
  readonly endpoint: { readonly address: string; readonly port: number; readonly nodeName: string };
}

/** Sees to the objects that every cluster has from the start. May run on several nodes at once, and again. */
export async function ensureBootstrapObjects(objects: Objects, options: BootstrapOptions): Promise<void> {
  for (const name of NAMESPACES) {
    if (objects.get("Namespace", { name })) continue;
    await unlessThere(objects.create("Namespace", { metadata: { name } }, { cause: ["bootstrap", name] }));
  }
  if (!objects.get("Service", { namespace: "default", name: "kubernetes" })) {
    await unlessThere(createService(objects, options));
  }
  await ensureSlice(objects, options);
}

const LABELS = { component: "apiserver", provider: "kubernetes" };

async function createService(objects: Objects, { serviceAddress, endpoint }: BootstrapOptions): Promise<unknown> {
  const metadata = { name: "kubernetes", namespace: "default", labels: LABELS };
  const spec = {
    type: "ClusterIP",
    clusterIP: serviceAddress,
    clusterIPs: [serviceAddress],
    ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: endpoint.port }],
  };
  return objects.create("Service", { metadata, spec }, { cause: ["bootstrap", "kubernetes"] });
}

/** One slice a node, so that no two nodes write the same object. */
async function ensureSlice(objects: Objects, { endpoint }: BootstrapOptions): Promise<void> {
  const ref = { namespace: "default", name: `kubernetes-${endpoint.nodeName}` };
  const wanted = {
    addressType: endpoint.address.includes(":") ? "IPv6" : "IPv4",
    ports: [{ name: "https", protocol: "TCP", port: endpoint.port }],
    endpoints: [{ addresses: [endpoint.address], conditions: { ready: true } }],
  };
  const current = objects.get("EndpointSlice", ref);
  const labels = { "kubernetes.io/service-name": "kubernetes" };
  if (!current) {
    await unlessThere(
      objects.create("EndpointSlice", { metadata: { ...ref, labels }, ...wanted } as EndpointSlice & {
        metadata: object;
      }),
    );
    return;
  }
  const { addressType, ports, endpoints } = current;
  if (isDeepStrictEqual({ addressType, ports, endpoints }, wanted)) return;
  await objects.update("EndpointSlice", { ...current, ...wanted } as EndpointSlice);
}

async function unlessThere(create: Promise<unknown>): Promise<void> {
  try {
    await create;
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
}
