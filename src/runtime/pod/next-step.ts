import { restarts, type ContainerState, type PodState } from "./pod-state.ts";

/** What is wanted of the pod, from its object. */
export interface DesiredPod {
  readonly restartPolicy: string;
  /** The object is being deleted, or is gone. */
  readonly terminating: boolean;
  /** Milliseconds since the epoch; `activeDeadlineSeconds` after the start. */
  readonly deadlineAt: number | undefined;
}

export type Step =
  /** Nothing to do before `until`, or before something changes. */
  | { readonly type: "wait"; readonly until: number | undefined }
  | { readonly type: "evict"; readonly reason: string; readonly message: string }
  | { readonly type: "createSandbox" }
  | { readonly type: "initialized" }
  | { readonly type: "start"; readonly container: string }
  /** The container has failed and is not due yet: say so. */
  | { readonly type: "backOff"; readonly container: string }
  | { readonly type: "stop"; readonly container: string; readonly why: string }
  /** Stop all containers, in their order. */
  | { readonly type: "terminate" }
  | { readonly type: "removeSandbox" }
  /** Give back address and volumes. */
  | { readonly type: "release" }
  /** Nothing of the pod is left: delete its object and its logs. */
  | { readonly type: "letGo" };

/** Shown before the reason turns into its `...BackOff`, as upstream's next look at the pod does. */
const SHOW_FAILURE_MS = 1000;

/** The one thing to do next for a pod. Pure: everything it knows is in its arguments. */
export function nextStep(desired: DesiredPod, pod: PodState, now: number): Step {
  if (pod.busy) return wait();
  if (pod.released) return desired.terminating ? { type: "letGo" } : wait();
  if (desired.terminating || pod.evicted || hasEnded(pod, desired.restartPolicy)) return endingStep(pod);
  if (desired.deadlineAt !== undefined && now >= desired.deadlineAt) {
    const message = "Pod was active on the node longer than the specified deadline";
    return { type: "evict", reason: "DeadlineExceeded", message };
  }
  const step = runningStep(desired, pod, now);
  if (step.type !== "wait" || desired.deadlineAt === undefined) return step;
  return wait(Math.min(step.until ?? Infinity, desired.deadlineAt));
}

/** Whether all has come to its end by itself: every app container, or an init container that may not be repeated. */
export function hasEnded(pod: PodState, restartPolicy: string): boolean {
  const initFailed = pod.containers.some((one) => isFailedInit(one, restartPolicy));
  const apps = pod.containers.filter((one) => one.kind === "app");
  return initFailed || apps.every((one) => one.ended !== undefined && !restarts(one, restartPolicy));
}

function isFailedInit(container: ContainerState, restartPolicy: string): boolean {
  return container.kind === "init" && (container.ended?.exitCode ?? 0) !== 0 && !restarts(container, restartPolicy);
}

function endingStep(pod: PodState): Step {
  if (pod.containers.some((one) => one.busy === "starting")) return wait();
  if (pod.containers.some((one) => one.runningSince !== undefined)) return { type: "terminate" };
  if (pod.containers.some((one) => one.busy)) return wait();
  if (pod.sandbox) return { type: "removeSandbox" };
  return { type: "release" };
}

function runningStep(desired: DesiredPod, pod: PodState, now: number): Step {
  if (pod.blocked) return wait();
  if (pod.sandbox && !pod.sandboxAlive) {
    return pod.containers.some((one) => one.busy) ? wait() : { type: "removeSandbox" };
  }
  if (!pod.sandbox) return now >= pod.retryAt ? { type: "createSandbox" } : wait(pod.retryAt);
  return pod.initialized ? containersStep(desired, pod, now) : initStep(desired, pod, now);
}

function initStep({ restartPolicy }: DesiredPod, pod: PodState, now: number): Step {
  for (const container of pod.containers) {
    if (container.kind === "app") break;
    const step = containerStep(container, restartPolicy, now);
    if (step.type !== "wait") return step;
    if (!initDone(container)) return step;
  }
  return { type: "initialized" };
}

function initDone(container: ContainerState): boolean {
  if (container.busy) return false;
  if (container.kind === "init") return container.ended?.exitCode === 0;
  return container.runningSince !== undefined && container.started;
}

function containersStep({ restartPolicy }: DesiredPod, pod: PodState, now: number): Step {
  let until: number | undefined;
  for (const container of pod.containers) {
    if (container.kind === "init") continue;
    const step = containerStep(container, restartPolicy, now);
    if (step.type !== "wait") return step;
    // One after the other, as upstream starts them: a post-start hook holds back the next one.
    if (container.busy === "starting" && container.runningSince !== undefined) return wait(until);
    if (container.busy === "starting" && container.attempts === 0) return wait(until);
    if (step.until !== undefined) until = Math.min(until ?? Infinity, step.until);
  }
  return wait(until);
}

function containerStep(container: ContainerState, restartPolicy: string, now: number): Step {
  if (container.busy) return wait();
  if (container.runningSince !== undefined) {
    if (container.condemned === undefined) return wait();
    return { type: "stop", container: container.name, why: container.condemned };
  }
  if (container.ended && !restarts(container, restartPolicy)) return wait();
  if (now >= container.retryAt) return { type: "start", container: container.name };
  const failedAt = container.ended?.finishedAt ?? container.pull?.at ?? now;
  if (!tellsBackOff(container)) {
    const due = failedAt + SHOW_FAILURE_MS;
    return now >= due ? { type: "backOff", container: container.name } : wait(Math.min(due, container.retryAt));
  }
  return wait(container.retryAt);
}

/** Whether the reason shown already says that we wait on purpose. */
function tellsBackOff({ waiting, ended }: ContainerState): boolean {
  if (waiting === undefined) return ended === undefined;
  return waiting.reason !== "ErrImagePull" && waiting.reason !== "RunContainerError";
}

function wait(until?: number): Step {
  return { type: "wait", until: until === Infinity ? undefined : until };
}
