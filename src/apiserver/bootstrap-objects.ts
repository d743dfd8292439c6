import { isReason } from "../api/api-error.ts";
import { isDeepStrictEqual } from "node:util";
import type { EndpointSlice } from "../api/kinds.ts";
import type { ObjectChange, Objects } from "../api/objects.ts";
import { describeError, type Logger } from "../lib/log.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

export interface BootstrapOptions {
  /** The first address of the service range: upstream's choice for the `kubernetes` service. */
  readonly serviceAddress: string;
  /** Where this node's API is reached over HTTPS. */
  readonly endpoint: { readonly address: string; readonly port: number; readonly nodeName: string };
}

/** Sees to the objects that every cluster has from the start. May run on several nodes at once, and again. */
export async function ensureBootstrapObjects(objects: Objects, options: BootstrapOptions): Promise<void> {
  await ensureAll(objects, options, { first: true });
}

async function ensureAll(objects: Objects, options: BootstrapOptions, { first }: { first: boolean }): Promise<void> {
  for (const name of NAMESPACES) {
    if (objects.get("Namespace", { name })) continue;
    await unlessThere(objects.create("Namespace", { metadata: { name } }, { cause: ["bootstrap", name] }));
  }
  if (!objects.get("Service", { namespace: "default", name: "kubernetes" })) {
    await unlessThere(createService(objects, options, { first }));
  }
  await ensureSlice(objects, options);
}

/**
 * Makes the `kubernetes` service and its slice again whenever someone deletes them, as upstream does
 * (`kubectl delete services --all` is a common thing to say). Runs until the signal is aborted.
 */
export async function keepBootstrapObjects(
  deps: { readonly objects: Objects; readonly log: Logger },
  options: BootstrapOptions,
  signal: AbortSignal,
): Promise<void> {
  const { objects, log } = deps;
  let wake = Promise.withResolvers<void>();
  const own = ["kubernetes", sliceName(options)];
  const notice = ({ type, object }: ObjectChange<"Service" | "EndpointSlice">): void => {
    const { namespace, name = "" } = object.metadata ?? {};
    if (type === "DELETED" && namespace === "default" && own.includes(name)) wake.resolve();
  };
  objects.watch("Service", notice, signal);
  objects.watch("EndpointSlice", notice, signal);
  signal.addEventListener("abort", () => wake.resolve(), { once: true });
  while (!signal.aborted) {
    await wake.promise;
    if (signal.aborted) return;
    wake = Promise.withResolvers<void>();
    try {
      await ensureAll(objects, options, { first: false });
    } catch (error) {
      log.error("cannot make the kubernetes service again", { error: describeError(error) });
    }
  }
}

const LABELS = { component: "apiserver", provider: "kubernetes" };

async function createService(
  objects: Objects,
  { serviceAddress, endpoint }: BootstrapOptions,
  { first }: { first: boolean },
): Promise<unknown> {
  const metadata = { name: "kubernetes", namespace: "default", labels: LABELS };
  const spec = {
    type: "ClusterIP",
    clusterIP: serviceAddress,
    clusterIPs: [serviceAddress],
    ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: endpoint.port }],
  };
  // The first one has the same uid on every node; one that comes after a deletion must not share the deleted one's.
  return objects.create("Service", { metadata, spec }, first ? { cause: ["bootstrap", "kubernetes"] } : {});
}

/** One slice a node, so that no two nodes write the same object. */
async function ensureSlice(objects: Objects, options: BootstrapOptions): Promise<void> {
  const { endpoint } = options;
  const ref = { namespace: "default", name: sliceName(options) };
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

function sliceName({ endpoint }: BootstrapOptions): string {
  return `kubernetes-${endpoint.nodeName}`;
}

async function unlessThere(create: Promise<unknown>): Promise<void> {
  try {
    await create;
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
}
