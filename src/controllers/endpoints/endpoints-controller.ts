import { isReason } from "../../api/api-error.ts";
import type { Kinds, Pod } from "../../api/kinds.ts";
import { matchesLabels } from "../../api/label-selector.ts";
import type { ObjectChange } from "../../api/objects.ts";
import type { Stored } from "../../api/stored.ts";
import { Attempts } from "../attempts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { targetOf, type Controller, type Plan, type Target, type Watch, type Write } from "../controller.ts";
import { decideEndpoints, removeEndpoints, selects } from "./decide-endpoints.ts";
import { decideSlices, MANAGED_BY, MIRROR_CONTROLLER, SLICE_CONTROLLER, sliceGroups } from "./decide-slices.ts";
import { mirroredGroups } from "./mirrored-groups.ts";
import { families, servicePods } from "./service-pods.ts";

/** Label by which endpoints that a controller made are known from a user's own (upstream since 1.33). */
const ENDPOINTS_MANAGED_BY = "endpoints.kubernetes.io/managed-by";

/** Keeps a service's Endpoints and EndpointSlices: made from pods, or mirrored where a user keeps Endpoints by hand. */
export class EndpointsController implements Controller {
  readonly name = "endpoints-controller";
  readonly watches: readonly Watch[] = [
    { kind: "Service", targets: (change) => this.#changed(change) },
    { kind: "Pod", targets: ({ type, object }) => this.#servicesOf(object, type === "DELETED") },
    { kind: "Endpoints", targets: ({ object }) => [targetOf("Service", object)] },
    { kind: "EndpointSlice", targets: ({ object }) => serviceOfSlice(object) },
    // Zones come from nodes; seldom enough to look at everything.
    { kind: "Node", targets: ({ type }) => (type === "DELETED" ? [] : this.#zoned()) },
  ];
  readonly #view: ClusterView;
  readonly #attempts = new Attempts();
  readonly #selecting = new Map<string, readonly Target[]>();
  #zones = "";

  constructor({ view }: { view: ClusterView }) {
    this.#view = view;
  }

  all(): Iterable<Target> {
    return this.#view.list("Service").map((service) => targetOf("Service", service));
  }

  decide(target: Target): Plan {
    const service = this.#view.get("Service", target);
    const endpoints = this.#view.get("Endpoints", target);
    if (!service) {
      // Slices have an owner reference; Endpoints only a name.
      const own = endpoints?.metadata.labels?.[ENDPOINTS_MANAGED_BY] === "endpoint-controller";
      return { stages: endpoints && own ? [removeEndpoints(endpoints)] : [] };
    }
    if (service.metadata.deletionTimestamp !== undefined || service.spec.type === "ExternalName") return { stages: [] };
    return { stages: [selects(service) ? this.#fromPods(service, endpoints) : this.#mirrored(service, endpoints)] };
  }

  written(_target: Target, write: Write): void {
    this.#used(write);
  }

  failed(_target: Target, write: Write, error: unknown): void {
    if (isReason(error, "AlreadyExists") || isReason(error, "Conflict")) this.#used(write);
  }

  #fromPods(service: Stored<"Service">, endpoints: Stored<"Endpoints"> | undefined): Write[] {
    const pods = this.#view.list("Pod", service.metadata.namespace);
    const zoneOf = (node: string): string | undefined =>
      this.#view.get("Node", { name: node })?.metadata.labels?.["topology.kubernetes.io/zone"];
    const groups = families(service).flatMap((family) =>
      sliceGroups(servicePods(service, pods, family), { family, zoneOf }),
    );
    return [
      ...decideEndpoints({ service, pods, present: endpoints }),
      ...this.#slices(service, { manager: SLICE_CONTROLLER, groups }),
      ...this.#slices(service, { manager: MIRROR_CONTROLLER, groups: [] }),
    ];
  }

  #mirrored(service: Stored<"Service">, endpoints: Stored<"Endpoints"> | undefined): Write[] {
    return [
      ...this.#slices(service, { manager: MIRROR_CONTROLLER, groups: mirroredGroups(endpoints) }),
      ...this.#slices(service, { manager: SLICE_CONTROLLER, groups: [] }),
    ];
  }

  #slices(
    service: Stored<"Service">,
    { manager, groups }: { manager: string; groups: Parameters<typeof decideSlices>[0]["groups"] },
  ): Write[] {
    const { namespace = "", name, uid } = service.metadata;
    const present = this.#view
      .slicesOf(namespace, name)
      .filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === manager && metadata.deletionTimestamp === undefined);
    const attempt = this.#attempts.next(`${uid}/${manager}`, present.length);
    return decideSlices({ service, manager, groups, present, attempt });
  }

  #used(write: Write): void {
    if (write.verb !== "create") return;
    const [uid = "", what = "", attempt = "0"] = write.options?.cause ?? [];
    this.#attempts.used(`${uid}/${what}`, Number(attempt));
  }

  #changed({ type, object }: ObjectChange<"Service">): Target[] {
    const uid = object.metadata?.uid ?? "";
    if (type === "DELETED") {
      for (const manager of [SLICE_CONTROLLER, MIRROR_CONTROLLER]) this.#attempts.forget(`${uid}/${manager}`);
    }
    return [targetOf("Service", object)];
  }

  /** The services that select the pod, and those that did before its labels changed. */
  #servicesOf(pod: Pod, gone: boolean): Target[] {
    const uid = pod.metadata?.uid ?? "";
    const before = this.#selecting.get(uid) ?? [];
    const now = this.#view
      .list("Service", pod.metadata?.namespace)
      .filter((service) => selects(service) && matchesLabels(service.spec.selector, pod.metadata?.labels))
      .map((service) => targetOf("Service", service));
    if (gone || now.length === 0) this.#selecting.delete(uid);
    else this.#selecting.set(uid, now);
    return [...now, ...before];
  }

  #zoned(): Iterable<Target> {
    const zones = JSON.stringify(
      this.#view.list("Node").map(({ metadata }) => [metadata.name, metadata.labels?.["topology.kubernetes.io/zone"]]),
    );
    if (zones === this.#zones) return [];
    this.#zones = zones;
    return this.all();
  }
}

function serviceOfSlice(slice: Kinds["EndpointSlice"]): Target[] {
  const { namespace, labels } = slice.metadata ?? {};
  const name = labels?.["kubernetes.io/service-name"];
  return name === undefined ? [] : [{ kind: "Service", namespace, name }];
}
