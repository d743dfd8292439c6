import { isReason } from "../../api/api-error.ts";
import type { KindName, Kinds } from "../../api/kinds.ts";
import { matchesSelector } from "../../api/label-selector.ts";
import type { EventRecorder, ObjectChange, Ref } from "../../api/objects.ts";
import type { Stored } from "../../api/stored.ts";
import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import type { ClusterView } from "../cluster-view.ts";
import { NOTHING, regarding, targetOf, type Controller, type Plan, type Target, type Write } from "../controller.ts";
import { controllerOf } from "../ownership.ts";
import { decideDeployment, type DeploymentSnapshot } from "./decide-deployment.ts";

export interface DeploymentControllerDeps {
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly recorder: (component: string) => EventRecorder;
}

/** Moves deployments from one template to the next, one step at a time. */
export class DeploymentController implements Controller {
  readonly name = "deployment-controller";
  readonly watches: Controller["watches"] = [
    { kind: "Deployment", targets: (change) => this.#changed(change) },
    { kind: "ReplicaSet", targets: ({ object }) => this.#deploymentsOf(object) },
    // A pod that is gone is what "Recreate" waits for.
    { kind: "Pod", targets: ({ type, object }) => (type === "ADDED" ? [] : this.#recreating(object)) },
  ];
  readonly #deps: DeploymentControllerDeps;
  readonly #failures = new Map<string, NonNullable<DeploymentSnapshot["failure"]>>();

  constructor(deps: DeploymentControllerDeps) {
    this.#deps = deps;
  }

  all(): Iterable<Target> {
    return this.#deps.view.list("Deployment").map((deployment) => targetOf("Deployment", deployment));
  }

  decide(target: Target): Plan {
    const { view, clock } = this.#deps;
    const deployment = view.get("Deployment", target);
    if (!deployment) return NOTHING;
    const { uid, namespace = "" } = deployment.metadata;
    return decideDeployment({
      deployment,
      candidates: [...view.replicaSetsOf(uid), ...view.strayReplicaSets(namespace)],
      podsOf: (set) => view.podsOf(set),
      failure: this.#failures.get(uid),
      now: clock.now(),
    });
  }

  written(target: Target, write: Write): void {
    const uid = this.#deps.view.get("Deployment", target)?.metadata.uid ?? "";
    // A collision that is counted is dealt with; one that is not must stay known until it is.
    const counted = write.verb === "status" && this.#failures.get(uid)?.collision === true;
    if (counted || (write.kind === "ReplicaSet" && write.verb === "create")) this.#failures.delete(uid);
  }

  failed(target: Target, write: Write, error: unknown): void {
    const deployment = this.#deps.view.get("Deployment", target);
    if (!deployment || write.kind !== "ReplicaSet" || write.verb !== "create") return;
    const { uid } = deployment.metadata;
    const name = write.object.metadata.name ?? "";
    const message = describeError(error);
    if (isReason(error, "AlreadyExists") || isReason(error, "Conflict")) {
      const other = this.#deps.view.get("ReplicaSet", { namespace: target.namespace, name });
      if (!other) return;
      if (controllerOf(other.metadata)?.uid === uid && other.metadata.deletionTimestamp !== undefined) return;
      this.#failures.set(uid, { name, message, collision: true });
      return;
    }
    this.#failures.set(uid, {
      name,
      message: `Failed to create new replica set "${name}": ${message}`,
      collision: false,
    });
    this.#deps.recorder(this.name).record({
      regarding: regarding("Deployment", "apps/v1", deployment),
      type: "Warning",
      reason: "ReplicaSetCreateError",
      message: `Failed to create new replica set "${name}": ${message}`,
    });
  }

  #changed({ type, object }: ObjectChange<"Deployment">): Target[] {
    if (type === "DELETED") this.#failures.delete(object.metadata?.uid ?? "");
    return [targetOf("Deployment", object)];
  }

  #deploymentsOf(set: Kinds["ReplicaSet"]): Target[] {
    const controller = controllerOf(set.metadata);
    const namespace = set.metadata?.namespace;
    if (controller) return this.#known(controller, namespace);
    return this.#deps.view
      .list("Deployment", namespace)
      .filter(({ spec }) => matchesSelector(spec.selector, set.metadata?.labels))
      .map((deployment) => targetOf("Deployment", deployment));
  }

  #recreating(pod: Kinds["Pod"]): Target[] {
    const owner = controllerOf(pod.metadata);
    const namespace = pod.metadata?.namespace;
    if (owner?.kind !== "ReplicaSet") return [];
    const set = this.#deps.view.get("ReplicaSet", { namespace, name: owner.name });
    const controller = set && controllerOf(set.metadata);
    const deployment = controller && this.#deployment(controller, namespace);
    return deployment?.spec.strategy?.type === "Recreate" ? [targetOf("Deployment", deployment)] : [];
  }

  #deployment(owner: Ref & { readonly kind: string }, namespace: string | undefined): Stored<"Deployment"> | undefined {
    if (owner.kind !== ("Deployment" satisfies KindName)) return undefined;
    return this.#deps.view.get("Deployment", { namespace, name: owner.name });
  }

  #known(owner: Ref & { readonly kind: string }, namespace: string | undefined): Target[] {
    const deployment = this.#deployment(owner, namespace);
    return deployment ? [targetOf("Deployment", deployment)] : [];
  }
}
