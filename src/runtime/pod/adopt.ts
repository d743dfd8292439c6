import type { Container, ContainerStatus, Pod, PodStatus } from "../../api/kinds.ts";
import { isFinished } from "../../api/pod-state.ts";
import type { ObservedContainer, ObservedSandbox } from "../runtime-port.ts";
import { terminationOf } from "./stop/container-end.ts";
import type { ContainerState, PodState, Termination } from "./pod-state.ts";

/** Said of a pod before its containers have ended. */
const EVICTIONS: readonly string[] = ["DeadlineExceeded", "Evicted"];

export interface Found {
  /** The pod's sandboxes on this machine, the newest last. */
  readonly sandboxes: readonly ObservedSandbox[];
  readonly exits: ReadonlyMap<string, Termination>;
  readonly now: number;
}

/** What is left over from before and has no use any more. */
export interface Leftovers {
  readonly sandboxes: readonly string[];
  readonly containers: readonly string[];
}

/** Fills a new worker's state from the pod's status and from what really exists. Restarts nothing. */
export function adopt(pod: Pod, state: PodState, { sandboxes, exits, now }: Found): Leftovers {
  const status = pod.status ?? {};
  // Whatever its containers do, nothing of it is started again, and what was said of its end stays.
  if (isFinished(pod) || EVICTIONS.includes(status.reason ?? "")) state.evicted = verdictOf(status);
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const newest = sandboxes.at(-1);
  const leftovers: string[] = [];
  state.ip = status.podIP;
  state.startedAt = status.startTime === undefined ? undefined : Date.parse(status.startTime);
  if (newest) {
    state.sandbox = { id: newest.id, pod: newest.pod, attempt: newest.attempt };
    state.sandboxes = newest.attempt + 1;
    state.sandboxAlive = newest.running;
  }
  const specs = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  for (const one of state.containers) {
    const said = statuses.find(({ name }) => name === one.name);
    if (said) fromStatus(one, said);
    const mine = (newest?.containers ?? []).filter(({ name }) => name === one.name);
    const unused = mine.filter((container) => neverRan(container, { said, exits }));
    const ran = mine.filter((container) => !unused.includes(container));
    const [current, ...older] = ran.sort((a, b) => b.attempt - a.attempt);
    leftovers.push(...[...unused, ...older].map(({ id }) => id));
    const spec = specs.find(({ name }) => name === one.name);
    if (current) fromContainer(one, { current, before: older[0], said, spec, exits, now });
    else if (said?.state?.running) lost(one, said, { exits, now });
    if (current?.state === "created") leftovers.push(current.id);
    else if (current?.specHash) one.specHash = current.specHash;
    backOff(one, exits);
  }
  state.initialized ||= newest?.running === true && hasPassedInit(state, pod);
  return { sandboxes: sandboxes.slice(0, -1).map(({ id }) => id), containers: leftovers };
}

function verdictOf({ reason, message }: PodStatus): NonNullable<PodState["evicted"]> {
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

function fromStatus(one: ContainerState, said: ContainerStatus): void {
  const started = said.containerID !== undefined || said.lastState?.terminated !== undefined;
  one.attempts = said.restartCount + (started ? 1 : 0);
  one.imageId = said.imageID || undefined;
  one.ended = said.state?.terminated ? fromTerminated(said.state.terminated) : undefined;
  one.last = said.lastState?.terminated ? fromTerminated(said.lastState.terminated) : undefined;
  if (said.state?.waiting && one.last) {
    // It was waiting to be started again: what we show as the last state is the container's own end.
    one.ended = one.last;
    one.last = undefined;
  }
}

interface FoundContainer {
  readonly current: ObservedContainer;
  /** The run before, if it is still there. */
  readonly before: ObservedContainer | undefined;
  readonly said: ContainerStatus | undefined;
  readonly spec: Container | undefined;
  readonly exits: ReadonlyMap<string, Termination>;
  readonly now: number;
}

/** Made, but not started before the agent was killed. After a restart of the host all are as if they had just been made. */
function neverRan(
  { id, state }: ObservedContainer,
  { said, exits }: { said: ContainerStatus | undefined; exits: Found["exits"] },
): boolean {
  const known = [said?.containerID, said?.state?.terminated?.containerID, said?.lastState?.terminated?.containerID];
  return state === "created" && !exits.has(id) && !known.some((told) => idOf(told) === id);
}

function fromContainer(one: ContainerState, found: FoundContainer): void {
  const { current, said, spec, exits, now } = found;
  const known = idOf(said?.containerID) === current.id;
  const saved = exits.get(current.id);
  one.attempts = Math.max(one.attempts, current.attempt + 1);
  one.imageId ??= current.imageId;
  if (current.state === "running") {
    const last = endBefore(found) ?? one.ended;
    if (last && last.containerId !== current.id) one.last = last;
    one.ended = undefined;
    one.id = current.id;
    one.runningSince =
      said?.state?.running?.startedAt && known ? Date.parse(said.state.running.startedAt) : (current.startedAt ?? now);
    // Whether it had started may not have been told before the agent ended: without a probe, nothing else would tell.
    one.started = spec?.startupProbe === undefined || (known && said?.started === true);
    one.ready = (one.started && spec?.readinessProbe === undefined) || (known && said?.ready === true);
    return;
  }
  if (one.ended?.containerId === current.id) one.id = current.id;
  else if (saved || current.exit) {
    one.last = endBefore(found) ?? one.ended ?? one.last;
    one.id = current.id;
    one.ended = saved ?? (current.exit && terminationOf(current.id, current.exit));
  } else if (known && said?.state?.running) lost(one, said, { exits, now });
  if (current.state === "created") one.id = undefined;
}

/** How the run before the present one ended, where the status does not say it: it was stored while that one still ran. */
function endBefore({ current, before, said, exits }: FoundContainer): Termination | undefined {
  const told = idOf(said?.containerID);
  if (!before) return told === current.id ? undefined : exits.get(told);
  return exits.get(before.id) ?? (before.exit && terminationOf(before.id, before.exit));
}

/** The back-off goes on where it was. */
function backOff(one: ContainerState, exits: ReadonlyMap<string, Termination>): void {
  const retry = exits.get((one.ended ?? one.last)?.containerId ?? "")?.retry;
  if (!retry) return;
  one.crash = { delayMs: retry.delayMs, at: retry.at };
  if (one.ended) one.retryAt = retry.until;
}

/** It ran, and nobody knows how it ended: a restart of the host, or a removal behind our back. */
function lost(one: ContainerState, said: ContainerStatus, { exits, now }: Pick<Found, "exits" | "now">): void {
  const id = idOf(said.containerID);
  const startedAt = said.state?.running?.startedAt;
  one.ended = exits.get(id) ?? unknownEnd(id, startedAt === undefined ? undefined : Date.parse(startedAt), now);
}

export function unknownEnd(containerId: string, startedAt: number | undefined, now: number): Termination {
  return {
    containerId,
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when its end was looked for",
    startedAt,
    finishedAt: now,
  };
}

function hasPassedInit(state: PodState, pod: Pod): boolean {
  const apps = state.containers.filter((one) => one.kind === "app");
  const told = pod.status?.conditions?.some(({ type, status }) => type === "Initialized" && status === "True") ?? false;
  return told || apps.some((one) => one.id !== undefined);
}

function fromTerminated(said: NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>): Termination {
  return {
    containerId: idOf(said.containerID),
    exitCode: said.exitCode,
    reason: said.reason ?? "Error",
    message: said.message,
    startedAt: said.startedAt === undefined ? undefined : Date.parse(said.startedAt),
    finishedAt: said.finishedAt === undefined ? 0 : Date.parse(said.finishedAt),
  };
}

function idOf(containerId: string | undefined): string {
  return containerId?.replace("podman://", "") ?? "";
}
