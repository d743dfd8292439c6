import { isReason } from "../../../api/api-error.ts";
import { hasEnded } from "../next-step.ts";
import { emit, type PodContext } from "../pod-context.ts";

/** How long the events of containers that went with their sandbox may take. */
const EVENTS_MS = 1000;

/** Removes the sandbox with its containers. When the pod goes on, it begins again with its init containers. */
export async function removeSandbox(context: PodContext, ending: boolean, signal: AbortSignal): Promise<void> {
  const { state, deps } = context;
  const { sandbox } = state;
  if (!sandbox) return;
  const running = state.containers.filter((one) => one.runningSince !== undefined);
  if (!ending && !state.sandboxAlive) {
    const message = "Pod sandbox changed, it will be killed and re-created.";
    emit(context, { type: "Normal", reason: "SandboxChanged", message });
  }
  // A final state is stored before the only other witness of it goes.
  if (running.length === 0) await context.flush();
  await deps.runtime.removeSandbox(sandbox.id, signal);
  for (const one of running) if (!(await context.ended(one, EVENTS_MS))) context.lost(one);
  for (const one of state.containers) one.id = undefined;
  state.sandbox = undefined;
  state.sandboxAlive = false;
  if (!ending) rewind(context);
}

/** A new sandbox begins with the init containers again, as upstream does. */
export function rewind({ state, pod }: PodContext): void {
  if (hasEnded(state, pod().spec?.restartPolicy ?? "Always")) return;
  for (const one of state.containers) {
    if (one.kind !== "init" || !one.ended) continue;
    one.last = one.ended;
    one.ended = undefined;
    state.initialized = false;
  }
  if (state.containers.some((one) => one.kind === "sidecar")) state.initialized = false;
}

/** Gives back address and volumes of a pod that has ended. */
export async function releasePod(context: PodContext): Promise<void> {
  const { deps, state, uid, pod } = context;
  if (pod().spec?.hostNetwork !== true) await deps.network.release(uid);
  await deps.volumes.remove(uid);
  state.released = true;
  await context.flush();
}

/** Deletes the object of a pod of which nothing is left, unless it is gone, and the pod's logs. */
export async function letGo({ deps, uid, pod }: PodContext, gone: boolean): Promise<void> {
  if (!gone) {
    const { namespace, name = "" } = pod().metadata ?? {};
    try {
      await deps.objects.delete("Pod", { namespace, name, uid }, { gracePeriodSeconds: 0 });
    } catch (error) {
      if (!isReason(error, "NotFound") && !isReason(error, "Conflict")) throw error;
    }
  }
  await deps.directory.remove(uid);
}
