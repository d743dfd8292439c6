import type { ContainerExit } from "../runtime-port.ts";
import type { Termination } from "./pod-state.ts";

/** An exit in the words that kubectl shows. */
export function terminationOf(containerId: string, exit: ContainerExit, message?: string): Termination {
  const { exitCode, oomKilled, startedAt, finishedAt } = exit;
  const reason = oomKilled && exitCode !== 0 ? "OOMKilled" : exitCode === 0 ? "Completed" : "Error";
  return { containerId, exitCode, reason, message, startedAt, finishedAt };
}
