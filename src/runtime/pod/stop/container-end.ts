import type { ContainerExit } from "../../runtime-port.ts";
import { crashDelay } from "../back-off.ts";
import { restarts, type ContainerState, type Termination } from "../pod-state.ts";

/** An exit in the words that kubectl shows. */
export function terminationOf(containerId: string, exit: ContainerExit, message?: string): Termination {
  const { exitCode, oomKilled, startedAt, finishedAt } = exit;
  const reason = oomKilled && exitCode !== 0 ? "OOMKilled" : exitCode === 0 ? "Completed" : "Error";
  return { containerId, exitCode, reason, message, startedAt, finishedAt };
}

/** An end with what it means for the next start; without where there is none, or where it was stopped to be replaced. */
export function withRetry(one: ContainerState, end: Termination, restartPolicy: string): Termination {
  if (end.retry || one.replace || !restarts({ ...one, ended: end }, restartPolicy)) return end;
  const { waitMs, next } = crashDelay(one.crash, end);
  return { ...end, retry: { ...next, until: end.finishedAt + waitMs } };
}
