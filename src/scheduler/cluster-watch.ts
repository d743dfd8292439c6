import { isDeepStrictEqual } from "node:util";
import type { Node } from "../api/kinds.ts";
import type { ObjectChange, Objects, Ref } from "../api/objects.ts";
import { isFinished } from "../api/pod-state.ts";
import { stored, type Stored } from "../api/stored.ts";
import { ObjectIndex } from "../client/object-index.ts";
import { nodeInfo, repels, type ClusterSnapshot } from "./cluster-snapshot.ts";

export interface ClusterWatchHooks {
  /** A pod appeared or changed. */
  pod(pod: Stored<"Pod">, change: "ADDED" | "MODIFIED" | "DELETED"): void;
  /** There may be room now that was not there before. */
  room(): void;
}

/** What the scheduler sees of the cluster. */
export class ClusterWatch {
  readonly #objects: Objects;
  readonly #hooks: ClusterWatchHooks;
  readonly #byNode: ObjectIndex<"Pod">;
  readonly #nodes = new Map<string, unknown>();

  constructor({ objects, hooks }: { objects: Objects; hooks: ClusterWatchHooks }) {
    this.#objects = objects;
    this.#hooks = hooks;
    this.#byNode = new ObjectIndex({ objects }, { kind: "Pod", keys: ({ spec }) => [spec.nodeName ?? ""] });
  }

  start(signal: AbortSignal): void {
    this.#objects.watch("Pod", (change) => this.#pod(change), signal);
    this.#objects.watch("Node", (change) => this.#node(change), signal);
    for (const kind of ["PersistentVolumeClaim", "Namespace"] as const) {
      this.#objects.watch(kind, () => this.#hooks.room(), signal);
    }
  }

  pod(ref: Ref): Stored<"Pod"> | undefined {
    const pod = this.#objects.get("Pod", ref);
    return pod && stored<"Pod">(pod);
  }

  /** Takes in a pod's new node before the change arrives. */
  bound(ref: Ref): void {
    const pod = this.#objects.get("Pod", ref);
    if (pod) this.#byNode.note(pod);
  }

  /** All waiting and running pods, for when this node begins to schedule. */
  pods(): readonly Stored<"Pod">[] {
    return this.#objects.list("Pod").map((pod) => stored<"Pod">(pod));
  }

  snapshot(): ClusterSnapshot {
    const nodes = this.#objects
      .list("Node")
      .map((node) => stored<"Node">(node))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((node) => nodeInfo(node, this.#byNode.get(node.metadata.name)));
    return {
      nodes,
      namespaceLabels: (name) => this.#objects.get("Namespace", { name })?.metadata?.labels ?? {},
      claimRefusal: (namespace, name) =>
        this.#objects.get("PersistentVolumeClaim", { namespace, name })
          ? `persistentvolumeclaim "${name}" cannot be mounted: this version does not act on persistent volume claims yet`
          : `persistentvolumeclaim "${name}" not found`,
      repelling: nodes.flatMap((node) => node.pods.filter(repels).map((pod) => ({ pod, node }))),
    };
  }

  #pod({ type, object }: ObjectChange<"Pod">): void {
    this.#byNode.follow({ type, object });
    const pod = stored<"Pod">(object);
    this.#hooks.pod(pod, type);
    // A pod that ends gives room; one that runs can be what another wants to be near.
    if (pod.spec.nodeName && (type !== "MODIFIED" || isFinished(pod))) this.#hooks.room();
  }

  /** Heartbeats change nodes all the time; only what a filter reads matters. */
  #node({ type, object }: ObjectChange<"Node">): void {
    const { name } = stored(object).metadata;
    if (type === "DELETED") return void this.#nodes.delete(name);
    const next = essence(object);
    if (isDeepStrictEqual(this.#nodes.get(name), next)) return;
    this.#nodes.set(name, next);
    this.#hooks.room();
  }
}

function essence({ metadata, spec, status }: Node): unknown {
  const conditions = (status?.conditions ?? []).map((condition) => [condition.type, condition.status]);
  return [metadata?.labels, spec?.taints, spec?.unschedulable, status?.allocatable, conditions];
}
