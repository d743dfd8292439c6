import type { EventRecorder, Objects } from "../api/objects.ts";
import type { Clock } from "../lib/clock.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Controller } from "./controller.ts";
import { DeploymentController } from "./deployment/deployment-controller.ts";
import { EndpointsController } from "./endpoints/endpoints-controller.ts";
import { GarbageController, type ConfirmAbsence, type KindScope } from "./garbage/garbage-controller.ts";
import { NamespaceController } from "./namespace/namespace-controller.ts";
import { NamespaceDefaultsController } from "./namespace/namespace-defaults-controller.ts";
import { PodCollectionController, type PodCollectionOptions } from "./pod-collection.ts";
import { ReplicaController } from "./replicas/replica-controller.ts";

export interface ServedKind extends KindScope {
  readonly plural: string;
}

export interface ControllersDeps {
  readonly objects: Objects;
  /** Shared with the runner, which starts it and keeps it up to date with what it writes. */
  readonly view: ClusterView;
  readonly clock: Clock;
  /** A recorder whose Events name the given component as their source. */
  readonly recorder: (component: string) => EventRecorder;
  /** Every kind that is stored: the API's declarations will do. */
  readonly kinds: readonly ServedKind[];
  /** The cluster's CA, PEM, for the ConfigMap of every namespace. */
  readonly rootCa: () => string;
  readonly confirmAbsence?: ConfirmAbsence;
}

/** All controllers of a node. */
export function createControllers(deps: ControllersDeps, options: PodCollectionOptions = {}): Controller[] {
  const { kinds, confirmAbsence = () => Promise.resolve(true) } = deps;
  // Events have no owners, and there are many of them.
  const owned = kinds.filter(({ kind }) => kind !== "Event");
  return [
    new DeploymentController(deps),
    new ReplicaController(deps, { kind: "ReplicaSet" }),
    new ReplicaController(deps, { kind: "ReplicationController" }),
    new EndpointsController(deps),
    new GarbageController({ ...deps, kinds: owned, confirmAbsence }),
    new NamespaceController({ ...deps, kinds: kinds.filter(({ namespaced }) => namespaced) }),
    new NamespaceDefaultsController(deps),
    new PodCollectionController(deps, options),
  ];
}
