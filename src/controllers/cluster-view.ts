import type { KindName, Kinds } from "../api/kinds.ts";
import type { Objects, Ref } from "../api/objects.ts";
import { stored, type Stored } from "../api/stored.ts";
import { ObjectIndex } from "../client/object-index.ts";
import { controllerOf } from "./ownership.ts";

/** What controllers read: this node's copy of the cluster, found by owner, namespace and node without scanning. */
export class ClusterView {
  readonly #objects: Objects;
  readonly #pods: ObjectIndex<"Pod">;
  readonly #replicaSets: ObjectIndex<"ReplicaSet">;
  readonly #slices: ObjectIndex<"EndpointSlice">;

  constructor({ objects }: { objects: Objects }) {
    this.#objects = objects;
    this.#pods = new ObjectIndex(
      { objects },
      { kind: "Pod", keys: (pod) => [...ownerKeys(pod), `node/${pod.spec.nodeName ?? ""}`] },
    );
    this.#replicaSets = new ObjectIndex({ objects }, { kind: "ReplicaSet", keys: ownerKeys });
    this.#slices = new ObjectIndex({ objects }, { kind: "EndpointSlice", keys: serviceKeys });
  }

  start(signal: AbortSignal): void {
    this.#pods.start(signal);
    this.#replicaSets.start(signal);
    this.#slices.start(signal);
  }

  /** A version that a write returned. */
  note(kind: KindName, object: Kinds[KindName]): void {
    if (kind === "Pod") this.#pods.note(object as Kinds["Pod"]);
    if (kind === "ReplicaSet") this.#replicaSets.note(object as Kinds["ReplicaSet"]);
    if (kind === "EndpointSlice") this.#slices.note(object as Kinds["EndpointSlice"]);
  }

  get<K extends KindName>(kind: K, ref: Ref): Stored<K> | undefined {
    const object = this.#objects.get(kind, ref);
    return object && stored(object);
  }

  list<K extends KindName>(kind: K, namespace?: string): readonly Stored<K>[] {
    return this.#objects.list(kind, namespace) as readonly Stored<K>[];
  }

  /** Pods whose controller is `uid`. */
  podsOf(uid: string): readonly Stored<"Pod">[] {
    return this.#pods.get(`owner/${uid}`);
  }

  /** Pods of a namespace that nothing controls. */
  strayPods(namespace: string): readonly Stored<"Pod">[] {
    return this.#pods.get(`stray/${namespace}`);
  }

  /** Pods bound to a node; "" gives those bound to none. */
  podsOn(node: string): readonly Stored<"Pod">[] {
    return this.#pods.get(`node/${node}`);
  }

  replicaSetsOf(uid: string): readonly Stored<"ReplicaSet">[] {
    return this.#replicaSets.get(`owner/${uid}`);
  }

  strayReplicaSets(namespace: string): readonly Stored<"ReplicaSet">[] {
    return this.#replicaSets.get(`stray/${namespace}`);
  }

  /** The EndpointSlices that carry a service's name, whoever made them. */
  slicesOf(namespace: string, service: string): readonly Stored<"EndpointSlice">[] {
    return this.#slices.get(`${namespace}/${service}`);
  }
}

function ownerKeys(object: Stored<"Pod"> | Stored<"ReplicaSet">): string[] {
  const controller = controllerOf(object.metadata);
  return [controller ? `owner/${controller.uid}` : `stray/${object.metadata.namespace ?? ""}`];
}

function serviceKeys({ metadata }: Stored<"EndpointSlice">): string[] {
  const service = metadata.labels?.["kubernetes.io/service-name"];
  return service === undefined ? [] : [`${metadata.namespace ?? ""}/${service}`];
}
