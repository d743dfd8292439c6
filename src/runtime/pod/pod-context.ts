import type { Container, Pod } from "../../api/kinds.ts";
import type { EventRecorder, Objects } from "../../api/objects.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Placement } from "../env/field-value.ts";
import type { ImagePuller } from "../images/image-puller.ts";
import type { EndpointDrain, PodNetwork, Prober } from "../ports.ts";
import type { Runtime } from "../runtime-port.ts";
import type { PodVolume, PodVolumes } from "../volumes/pod-volumes.ts";
import type { HostAbilities } from "./limits/host-limits.ts";
import type { PodDirectory } from "./pod-directory.ts";
import type { ContainerState, PodState } from "./pod-state.ts";

export interface NodeIdentity {
  readonly name: string;
  readonly hostIp: string;
  readonly allocatable: Placement["allocatable"];
}

export interface WorkerDeps {
  readonly runtime: Runtime;
  readonly puller: ImagePuller;
  readonly volumes: PodVolumes;
  readonly directory: PodDirectory;
  readonly network: PodNetwork;
  readonly prober: Prober;
  readonly drain: EndpointDrain;
  readonly objects: Objects;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: NodeIdentity;
  readonly abilities: HostAbilities;
  readonly clusterDomain: string;
}

/** What the jobs of one pod share. */
export interface PodContext {
  readonly deps: WorkerDeps;
  readonly state: PodState;
  readonly uid: string;
  /** The object as it is now. */
  pod(): Pod;
  /** The volumes' directories, made where they are not. */
  volumes(): Promise<ReadonlyMap<string, PodVolume>>;
  /** The state has changed: publish it, and look for the next step. */
  changed(): void;
  /** Resolves when the container has ended, or after `timeoutMs`; true when it has. */
  ended(one: ContainerState, timeoutMs: number): Promise<boolean>;
  /** The container is gone, and nobody saw how it ended. */
  lost(one: ContainerState): void;
  /** Resolves when the status of now is stored. */
  flush(): Promise<void>;
  /** The container runs: supervise it. */
  running(one: ContainerState): void;
}

export function placementOf({ deps, state, pod }: PodContext): Placement {
  const { name: nodeName, hostIp, allocatable } = deps.node;
  const podIp = pod().spec?.hostNetwork ? hostIp : (state.ip ?? "");
  return { nodeName, hostIp, podIp, allocatable };
}

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** The container that it is about. */
  readonly container?: ContainerState;
}

export function emit(context: PodContext, { type, reason, message, container }: PodEvent): void {
  const { name = "", namespace } = context.pod().metadata ?? {};
  const list = container?.kind === "app" ? "containers" : "initContainers";
  context.deps.events.record({
    regarding: {
      kind: "Pod",
      apiVersion: "v1",
      namespace,
      name,
      uid: context.uid,
      ...(container ? { fieldPath: `spec.${list}{${container.name}}` } : {}),
    },
    type,
    reason,
    message,
  });
}

/** `name_namespace(uid)`, as upstream names a pod in messages. */
export function podLabel({ pod, uid }: PodContext): string {
  const { name, namespace } = pod().metadata ?? {};
  return `${name}_${namespace}(${uid})`;
}

export function specOf(context: PodContext, one: ContainerState): Container {
  const spec = context.pod().spec;
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const found = all.find(({ name }) => name === one.name);
  if (!found) throw new Error(`Cannot find container ${one.name} in its pod`);
  return found;
}
