import { emit, podLabel, specOf, type PodContext } from "./pod-context.ts";
import type { ContainerState } from "./pod-state.ts";

/** Says in status and Events that a container waits on purpose, in upstream's words. */
export function tellBackOff(context: PodContext, one: ContainerState): void {
  if (one.waiting?.reason === "ErrImagePull") {
    const message = `Back-off pulling image "${specOf(context, one).image}"`;
    emit(context, { type: "Normal", reason: "BackOff", message, container: one });
    emit(context, { type: "Warning", reason: "Failed", message: "Error: ImagePullBackOff", container: one });
    one.waiting = { reason: "ImagePullBackOff", message: `${message}: ErrImagePull: ${one.waiting.message ?? ""}` };
    return;
  }
  const label = podLabel(context);
  const finishedAt = one.ended?.finishedAt ?? context.deps.clock.now();
  const delay = duration(Math.max(0, one.retryAt - finishedAt));
  one.waiting = {
    reason: "CrashLoopBackOff",
    message: `back-off ${delay} restarting failed container=${one.name} pod=${label}`,
  };
  const message = `Back-off restarting failed container ${one.name} in pod ${label}`;
  emit(context, { type: "Warning", reason: "BackOff", message, container: one });
}

/** As Go prints whole seconds: `10s`, `1m20s`, `5m0s`. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
