import type { Container, Pod } from "../../api/kinds.ts";
import type { BackOff } from "./back-off.ts";
import { specHash } from "./start/spec-hash.ts";
import type { Sandbox } from "../runtime-port.ts";

/** How a container ended. Times are milliseconds since the epoch. */
export interface Termination {
  readonly containerId: string;
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerStatusUnknown`. */
  readonly reason: string;
  readonly message?: string | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number;
  /** When it is started again, and the delay after that; kept on disk, so that it outlives the agent. */
  readonly retry?: BackOff & { readonly until: number };
}

export type ContainerKind = "init" | "sidecar" | "app";

/** What a worker knows of one container. Only the worker changes it. */
export interface ContainerState {
  readonly name: string;
  readonly kind: ContainerKind;
  /** Containers made for it so far; the restart count is one less. */
  attempts: number;
  /** The newest container, while it exists. */
  id: string | undefined;
  /** Asked to start, and never answered, with the run before that goes once it runs. */
  unanswered: { readonly id: string; readonly older: string | undefined } | undefined;
  /** `Clock.monotonic()` when it was asked for. */
  madeAt: number;
  imageId: string | undefined;
  /** Set while it runs; milliseconds since the epoch. */
  runningSince: number | undefined;
  /** How the newest container ended; unset once a newer one runs. */
  ended: Termination | undefined;
  /** How the one before ended. */
  last: Termination | undefined;
  waiting: { readonly reason: string; readonly message?: string | undefined } | undefined;
  /** A job of the worker on this container. */
  busy: "starting" | "stopping" | undefined;
  /** Wall time before which it is not started (again). */
  retryAt: number;
  crash: BackOff | undefined;
  pull: BackOff | undefined;
  /** The startup probe has passed, or there is none. */
  started: boolean;
  ready: boolean;
  /** What the newest container was made from, or will be. */
  specHash: string | undefined;
  /** It is being stopped to be made anew. */
  replace: boolean;
  /** Why it must be stopped, such as a failed liveness probe. */
  condemned: string | undefined;
}

export interface PodState {
  readonly containers: readonly ContainerState[];
  sandbox: Sandbox | undefined;
  sandboxAlive: boolean;
  /** Sandboxes made so far. */
  sandboxes: number;
  sandboxMadeAt: number;
  /** A job of the worker on the whole pod. */
  busy: "sandbox" | "terminating" | "removing" | "releasing" | undefined;
  /** Wall time before which the sandbox is not tried again. */
  retryAt: number;
  ip: string | undefined;
  startedAt: number | undefined;
  initialized: boolean;
  /** Set when the pod must end before its containers do, with the final reason, or has ended before the agent began. */
  evicted: { readonly reason?: string; readonly message?: string } | undefined;
  /** Why nothing is started at all. */
  blocked: { readonly reason: string; readonly message: string } | undefined;
  released: boolean;
}

export function kindOf(container: Container, init: boolean): ContainerKind {
  if (!init) return "app";
  return container.restartPolicy === "Always" ? "sidecar" : "init";
}

export function newPodState(pod: Pod): PodState {
  const spec = pod.spec;
  const all = [
    ...(spec?.initContainers ?? []).map((container) => newContainer(container, kindOf(container, true))),
    ...(spec?.containers ?? []).map((container) => newContainer(container, "app")),
  ];
  return {
    containers: all,
    sandbox: undefined,
    sandboxAlive: false,
    sandboxes: 0,
    sandboxMadeAt: 0,
    busy: undefined,
    retryAt: 0,
    ip: undefined,
    startedAt: undefined,
    initialized: !all.some((one) => one.kind !== "app"),
    evicted: undefined,
    blocked: undefined,
    released: false,
  };
}

function newContainer(container: Container, kind: ContainerKind): ContainerState {
  return {
    name: container.name,
    kind,
    attempts: 0,
    id: undefined,
    unanswered: undefined,
    madeAt: 0,
    imageId: undefined,
    runningSince: undefined,
    ended: undefined,
    last: undefined,
    waiting: undefined,
    busy: undefined,
    retryAt: 0,
    crash: undefined,
    pull: undefined,
    started: false,
    ready: false,
    specHash: specHash(container),
    replace: false,
    condemned: undefined,
  };
}

/** Whether a container that has ended is started again. */
export function restarts(container: ContainerState, restartPolicy: string): boolean {
  if (container.kind === "sidecar" || container.replace) return true;
  if (container.ended === undefined) return true;
  // An init container that has succeeded is done; one that has failed is tried again unless the policy is Never.
  if (container.kind === "init") return container.ended.exitCode !== 0 && restartPolicy !== "Never";
  if (restartPolicy === "Never") return false;
  return restartPolicy === "Always" || container.ended.exitCode !== 0;
}
