import { describeError } from "../../../lib/log.ts";
import { runHook } from "../hooks.ts";
import { emit, specOf, type PodContext } from "../pod-context.ts";
import type { ContainerState } from "../pod-state.ts";

/** How long a dataplane may take to drop a terminating pod. */
const DRAIN_MS = 2000;
/** What is left for SIGTERM when the pre-stop hook has used all of the grace (as upstream). */
const LEAST_GRACE_S = 2;
/** Between Podman's answer to a stop and its event. */
const EVENT_MS = 5000;

/** Stops a whole pod: out of load balancing first, then the containers together, then the sidecars in reverse. */
export async function terminatePod(context: PodContext, graceSeconds: number, signal: AbortSignal): Promise<void> {
  const { deps, state } = context;
  const startedAt = deps.clock.monotonic();
  if (state.ip !== undefined && graceSeconds > 0 && context.pod().spec?.hostNetwork !== true) {
    await deps.drain.drained(state.ip, DRAIN_MS);
  }
  const left = (): number => Math.max(0, graceSeconds - (deps.clock.monotonic() - startedAt) / 1000);
  const stop = (one: ContainerState): Promise<void> => {
    const why = `Stopping container ${one.name}`;
    return stopContainer(context, one, { graceSeconds: Math.min(graceSeconds, left() + 1), why, signal });
  };
  const running = state.containers.filter((one) => one.runningSince !== undefined);
  await Promise.all(running.filter((one) => one.kind !== "sidecar").map(stop));
  for (const sidecar of running.filter((one) => one.kind === "sidecar").reverse()) await stop(sidecar);
}

export interface StopContainer {
  readonly graceSeconds: number;
  /** The Event's message. */
  readonly why: string;
  readonly signal: AbortSignal;
}

/** Pre-stop hook, stop signal, grace, SIGKILL. Resolves when it has ended. */
export async function stopContainer(
  context: PodContext,
  one: ContainerState,
  { graceSeconds, why, signal }: StopContainer,
): Promise<void> {
  const { deps } = context;
  const id = one.id;
  if (id === undefined || one.ended) return;
  emit(context, { type: "Normal", reason: "Killing", message: why, container: one });
  const left = await preStop(context, { one, id, graceSeconds, signal });
  await deps.runtime.stopContainer(id, { graceSeconds: left }, signal);
  await context.ended(one, EVENT_MS);
}

interface PreStop {
  readonly one: ContainerState;
  readonly id: string;
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
}

/** Runs the pre-stop hook within the grace; returns the seconds that are left. */
async function preStop(context: PodContext, { one, id, graceSeconds, signal }: PreStop): Promise<number> {
  const { deps } = context;
  const container = specOf(context, one);
  const hook = container.lifecycle?.preStop;
  if (!hook || graceSeconds <= 0) return graceSeconds;
  const startedAt = deps.clock.monotonic();
  const over = new AbortController();
  const cancel = deps.clock.timer(graceSeconds * 1000, () => over.abort(new Error("the grace period is over")));
  try {
    await runHook(context, { hook, container, id, signal: AbortSignal.any([signal, over.signal]) });
  } catch (error) {
    signal.throwIfAborted();
    const message = `PreStopHook failed: ${describeError(error)}`;
    emit(context, { type: "Warning", reason: "FailedPreStopHook", message, container: one });
  } finally {
    cancel();
  }
  const used = (deps.clock.monotonic() - startedAt) / 1000;
  return Math.max(LEAST_GRACE_S, graceSeconds - used);
}
