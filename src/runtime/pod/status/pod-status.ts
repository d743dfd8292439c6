import type { ContainerStatus, Pod, PodCondition, PodStatus } from "../../../api/kinds.ts";
import { isFinished } from "../../../api/pod-state.ts";
import { timestamp } from "../../../lib/clock.ts";
import { hasEnded } from "../next-step.ts";
import { type ContainerState, type PodState, type Termination } from "../pod-state.ts";
import { qosClass } from "./qos.ts";

/** The conditions that are ours; all others are kept as they are. */
const OURS = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"] as const;

export interface StatusFacts {
  readonly hostIp: string;
  readonly now: number;
}

/** The pod's status as kubectl shows it, from what its worker knows. Pure. */
export function podStatus(pod: Pod, state: PodState, facts: StatusFacts): PodStatus {
  const phase = phaseOf(pod, state);
  // Refused before it began: all that is to be said of it was said then.
  if (isFinished(pod) && state.startedAt === undefined) return pod.status ?? {};
  const init = state.containers.filter((one) => one.kind !== "app");
  const apps = state.containers.filter((one) => one.kind === "app");
  const statuses = (list: readonly ContainerState[]): ContainerStatus[] =>
    list.map((one) => containerStatus(pod, one, state));
  const verdict = state.evicted ?? state.blocked;
  const ip = pod.spec?.hostNetwork ? facts.hostIp : state.ip;
  return {
    phase,
    conditions: conditions(pod, state, { ...facts, phase }),
    hostIP: facts.hostIp,
    hostIPs: [{ ip: facts.hostIp }],
    ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    ...(state.startedAt === undefined ? {} : { startTime: timestamp(state.startedAt) }),
    ...(init.length > 0 ? { initContainerStatuses: statuses(init) } : {}),
    containerStatuses: statuses(apps),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
    ...(pod.status?.nominatedNodeName ? { nominatedNodeName: pod.status.nominatedNodeName } : {}),
    ...verdict,
  };
}

export function phaseOf(pod: Pod, state: PodState): "Pending" | "Running" | "Succeeded" | "Failed" {
  const before = pod.status?.phase;
  if (before === "Succeeded" || before === "Failed") return before;
  const restartPolicy = pod.spec?.restartPolicy ?? "Always";
  const stopped = state.containers.every((one) => one.runningSince === undefined && one.busy === undefined);
  if (state.evicted) return stopped ? "Failed" : runningOrPending(state);
  const ending = pod.metadata?.deletionTimestamp !== undefined && state.released;
  if (!stopped || !(ending || hasEnded(state, restartPolicy))) return runningOrPending(state);
  const ends = state.containers.filter((one) => one.kind !== "sidecar").map((one) => one.ended);
  return ends.every((end) => end?.exitCode === 0) ? "Succeeded" : "Failed";
}

function runningOrPending(state: PodState): "Pending" | "Running" {
  const apps = state.containers.filter((one) => one.kind === "app");
  const everStarted = (one: ContainerState): boolean =>
    one.runningSince !== undefined || one.ended !== undefined || one.last !== undefined;
  return state.initialized && apps.every(everStarted) ? "Running" : "Pending";
}

function containerStatus(pod: Pod, one: ContainerState, state: PodState): ContainerStatus {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const spec = all.find((container) => container.name === one.name);
  const shown = one.runningSince === undefined ? one.ended?.containerId : one.id;
  const id = shown ?? one.last?.containerId;
  const running = one.runningSince !== undefined && !(one.busy === "starting");
  return {
    name: one.name,
    state: currentState(one, state, pod),
    lastState: lastState(one),
    ready: one.kind === "init" ? one.ended?.exitCode === 0 : running && one.ready,
    restartCount: Math.max(0, one.attempts - 1),
    image: spec?.image ?? "",
    imageID: one.imageId ?? "",
    ...(id === undefined || id === "" ? {} : { containerID: `podman://${id}` }),
    started: running && one.started,
  };
}

function currentState(one: ContainerState, state: PodState, pod: Pod): NonNullable<ContainerStatus["state"]> {
  if (one.runningSince !== undefined && one.busy !== "starting") {
    return { running: { startedAt: timestamp(one.runningSince) } };
  }
  if (one.waiting) return { waiting: plain(one.waiting) };
  if (one.ended) return { terminated: terminated(one.ended) };
  if (pod.metadata?.deletionTimestamp !== undefined && state.released) {
    return { terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } };
  }
  const initializing = one.kind === "app" && !state.initialized;
  return { waiting: { reason: initializing ? "PodInitializing" : "ContainerCreating" } };
}

function lastState(one: ContainerState): NonNullable<ContainerStatus["lastState"]> {
  const replaced = one.waiting && one.ended ? one.ended : one.last;
  return replaced ? { terminated: terminated(replaced) } : {};
}

function terminated(end: Termination): NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]> {
  return {
    exitCode: end.exitCode,
    reason: end.reason,
    ...(end.message ? { message: end.message } : {}),
    ...(end.startedAt === undefined ? {} : { startedAt: timestamp(end.startedAt) }),
    finishedAt: timestamp(end.finishedAt),
    ...(end.containerId === "" ? {} : { containerID: `podman://${end.containerId}` }),
  };
}

function plain({ reason, message }: { reason: string; message?: string | undefined }) {
  return { reason, ...(message ? { message } : {}) };
}

interface Verdict {
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

function conditions(pod: Pod, state: PodState, { now, phase }: StatusFacts & { phase: string }): PodCondition[] {
  const before = pod.status?.conditions ?? [];
  const containersReady = containersVerdict(state, phase);
  const verdicts: Record<(typeof OURS)[number], Verdict> = {
    PodReadyToStartContainers: state.sandboxAlive ? { status: "True" } : { status: "False" },
    Initialized: initializedVerdict(state, phase),
    Ready: containersReady.status === "True" ? gatesVerdict(pod) : containersReady,
    ContainersReady: containersReady,
    PodScheduled: { status: "True" },
  };
  const ours = OURS.map((type): PodCondition => {
    const old = before.find((condition) => condition.type === type);
    const verdict = verdicts[type];
    const since = old?.status === verdict.status ? old.lastTransitionTime : undefined;
    return { type, ...verdict, lastTransitionTime: since ?? timestamp(now) };
  });
  const names: readonly string[] = OURS;
  return [...ours, ...before.filter(({ type }) => !names.includes(type))];
}

function containersVerdict(state: PodState, phase: string): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const unready = state.containers
    .filter((one) => one.kind !== "init")
    .filter((one) => !(one.ready && one.runningSince !== undefined && one.busy !== "starting"))
    .map((one) => one.name);
  if (unready.length === 0) return { status: "True" };
  const blocked = state.blocked ? `; ${state.blocked.message}` : "";
  const message = `containers with unready status: [${unready.join(" ")}]${blocked}`;
  return { status: "False", reason: "ContainersNotReady", message };
}

function initializedVerdict(state: PodState, phase: string): Verdict {
  if (state.initialized) return phase === "Succeeded" ? { status: "True", reason: "PodCompleted" } : { status: "True" };
  const incomplete = state.containers.filter((one) => one.kind === "init" && one.ended?.exitCode !== 0);
  const names = incomplete.map((one) => one.name).join(" ");
  const message = `containers with incomplete status: [${names}]`;
  return { status: "False", reason: "ContainersNotInitialized", message };
}

function gatesVerdict(pod: Pod): Verdict {
  const conditionsNow = pod.status?.conditions ?? [];
  const open = (pod.spec?.readinessGates ?? []).filter(
    ({ conditionType }) => conditionsNow.find((condition) => condition.type === conditionType)?.status !== "True",
  );
  if (open.length === 0) return { status: "True" };
  const message = open
    .map(({ conditionType }) => `corresponding condition of pod readiness gate "${conditionType}" is not True`)
    .join("; ");
  return { status: "False", reason: "ReadinessGatesNotReady", message };
}
