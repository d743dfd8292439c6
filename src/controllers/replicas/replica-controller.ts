import { isDeepStrictEqual } from "node:util";
import { isReason } from "../../api/api-error.ts";
import type { Kinds, LabelSelector } from "../../api/kinds.ts";
import type { EventRecorder, ObjectChange } from "../../api/objects.ts";
import { matchesSelector } from "../../api/label-selector.ts";
import type { Stored } from "../../api/stored.ts";
import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import { Attempts } from "../attempts.ts";
import type { ClusterView } from "../cluster-view.ts";
import {
  NOTHING,
  status,
  targetOf,
  type Controller,
  type Plan,
  type Target,
  type Watch,
  type Write,
} from "../controller.ts";
import { controllerOf } from "../ownership.ts";
import { decideReplicas, podEvent, type ReplicaSnapshot } from "./decide-replicas.ts";

type SetKind = ReplicaSnapshot["kind"];

export interface ReplicaControllerDeps {
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly recorder: (component: string) => EventRecorder;
}

/** Keeps the wanted number of pods of one kind of set. */
export class ReplicaController implements Controller {
  readonly name: string;
  readonly watches: Controller["watches"];
  readonly #kind: SetKind;
  readonly #deps: ReplicaControllerDeps;
  readonly #attempts = new Attempts();
  readonly #failures = new Map<string, { reason: string; message: string }>();

  constructor(deps: ReplicaControllerDeps, { kind }: { kind: SetKind }) {
    this.#deps = deps;
    this.#kind = kind;
    this.name = kind === "ReplicaSet" ? "replicaset-controller" : "replication-controller";
    this.watches = [
      { kind, targets: (change: ObjectChange) => this.#changed(change) } as Watch,
      { kind: "Pod", targets: ({ object }) => this.#setsOf(object) },
    ];
  }

  all(): Iterable<Target> {
    return this.#deps.view.list(this.#kind).map((set) => targetOf(this.#kind, set));
  }

  decide(target: Target): Plan {
    const snapshot = this.#snapshot(target);
    if (!snapshot) return NOTHING;
    const { set } = snapshot;
    const decision = decideReplicas(snapshot);
    const wanted = withoutEmpty({ ...decision.status }, set.status);
    const changed = !isDeepStrictEqual(wanted, set.status ?? {});
    const writes = changed ? [status(this.#kind, { ...set, status: wanted } as Kinds[SetKind])] : [];
    return {
      stages: [decision.ownership, writes, decision.pods],
      // A create may meet a pod that is there already, which changes nothing and so wakes nobody.
      againMs: decision.pods.some(({ verb }) => verb === "create") ? 1 : decision.againMs,
    };
  }

  written(target: Target, write: Write, result: Kinds[keyof Kinds] | undefined): void {
    const set = this.#deps.view.get(this.#kind, target);
    if (!set || write.kind !== "Pod" || (write.verb !== "create" && write.verb !== "delete")) return;
    this.#failures.delete(set.metadata.uid);
    if (write.verb === "create") this.#used(write);
    const pod = write.verb === "create" ? result?.metadata?.name : write.ref.name;
    this.#deps.recorder(this.name).record(podEvent(write.verb, { kind: this.#kind, set, pod: pod ?? "" }));
  }

  failed(target: Target, write: Write, error: unknown): void {
    const set = this.#deps.view.get(this.#kind, target);
    if (!set || write.kind !== "Pod" || (write.verb !== "create" && write.verb !== "delete")) return;
    if (write.verb === "create" && (isReason(error, "AlreadyExists") || isReason(error, "Conflict"))) {
      return this.#used(write);
    }
    // Nothing can be made in a namespace that is being deleted, and nothing needs to be.
    const namespace = this.#deps.view.get("Namespace", { name: target.namespace ?? "" });
    if (write.verb === "create" && namespace?.metadata.deletionTimestamp !== undefined) return;
    const reason = write.verb === "create" ? "FailedCreate" : "FailedDelete";
    const message = describeError(error);
    this.#failures.set(set.metadata.uid, { reason, message });
    const event = podEvent(write.verb, { kind: this.#kind, set, pod: "" });
    const text = write.verb === "create" ? `Error creating: ${message}` : `Error deleting: ${message}`;
    this.#deps.recorder(this.name).record({ ...event, type: "Warning", reason, message: text });
  }

  #used(write: Write): void {
    if (write.verb !== "create") return;
    const [uid = "", , attempt = "0"] = write.options?.cause ?? [];
    this.#attempts.used(uid, Number(attempt));
  }

  #snapshot(target: Target): ReplicaSnapshot | undefined {
    const { view, clock } = this.#deps;
    const kind = this.#kind;
    const set = view.get(kind, target);
    if (!set?.spec.template) return undefined;
    const { uid, namespace = "" } = set.metadata;
    const pods = view.podsOf(uid);
    return {
      kind,
      set,
      selector: selectorOf(kind, set),
      template: set.spec.template,
      candidates: [...pods, ...view.strayPods(namespace)],
      related: this.#related(set, pods),
      failure: this.#failures.get(uid),
      attempt: this.#attempts.next(uid, pods.length),
      now: clock.now(),
    };
  }

  /** Pods of all sets with the same owner crowd a node together: during a rollout old and new ones do. */
  #related(set: ReplicaSnapshot["set"], pods: readonly Stored<"Pod">[]): readonly Stored<"Pod">[] {
    const owner = controllerOf(set.metadata);
    if (!owner) return pods;
    return this.#deps.view.replicaSetsOf(owner.uid).flatMap(({ metadata }) => this.#deps.view.podsOf(metadata.uid));
  }

  #changed({ type, object }: ObjectChange): Target[] {
    if (type === "DELETED") {
      this.#attempts.forget(object.metadata?.uid ?? "");
      this.#failures.delete(object.metadata?.uid ?? "");
    }
    return [targetOf(this.#kind, object)];
  }

  #setsOf(pod: Kinds["Pod"]): Target[] {
    const { view } = this.#deps;
    const controller = controllerOf(pod.metadata);
    const namespace = pod.metadata?.namespace;
    if (controller) {
      return controller.kind === this.#kind ? [{ kind: this.#kind, namespace, name: controller.name }] : [];
    }
    return view
      .list(this.#kind, namespace)
      .filter((set) => matchesSelector(selectorOf(this.#kind, set), pod.metadata?.labels))
      .map((set) => targetOf(this.#kind, set));
  }
}

function selectorOf(kind: SetKind, set: ReplicaSnapshot["set"]): LabelSelector | undefined {
  if (kind === "ReplicaSet") return (set as Stored<"ReplicaSet">).spec.selector;
  const labels = (set as Stored<"ReplicationController">).spec.selector;
  return labels && Object.keys(labels).length > 0 ? { matchLabels: labels } : undefined;
}

/** Counts of zero are left out, as upstream's `omitempty` does, except where the status already has them. */
function withoutEmpty(wanted: Record<string, unknown>, before: object | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) =>
        value !== 0 || name === "replicas" || (before && (before as Record<string, unknown>)[name] === 0),
    ),
  );
}
