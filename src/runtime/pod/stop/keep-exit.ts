import type { ContainerExit, ObservedContainer } from "../../runtime-port.ts";
import { specOf, type PodContext } from "../pod-context.ts";
import type { ContainerState, Termination } from "../pod-state.ts";
import { terminationOf, withRetry } from "./container-end.ts";

export interface Exited {
  readonly containerId: string;
  readonly exit: ContainerExit;
  readonly attempt: number;
}

/** Writes down how a container ended, with its message and when it is started again. */
export async function keepExit(
  context: PodContext,
  one: ContainerState,
  { containerId, exit, attempt }: Exited,
): Promise<Termination> {
  const { deps, uid, pod } = context;
  const { terminationMessagePolicy } = specOf(context, one);
  const message = await deps.directory.terminationMessage(uid, {
    container: one.name,
    attempt,
    fallback: terminationMessagePolicy === "FallbackToLogsOnError" && exit.exitCode !== 0,
  });
  const end = withRetry(one, terminationOf(containerId, exit, message), pod().spec?.restartPolicy ?? "Always");
  await deps.directory.saveExit(uid, end);
  return end;
}

/**
 * The exits that are written down, after writing down those that nobody has: of containers that ended while no agent
 * was there to see it.
 */
export async function keepExits(
  context: PodContext,
  found: readonly ObservedContainer[],
): Promise<ReadonlyMap<string, Termination>> {
  const { deps, state, uid, pod } = context;
  const exits = await deps.directory.exits(uid);
  const { initContainerStatuses = [], containerStatuses = [] } = pod().status ?? {};
  for (const { id, name, attempt, exit } of found.toSorted((a, b) => a.attempt - b.attempt)) {
    const one = state.containers.find((container) => container.name === name);
    if (!one || !exit || exits.has(id)) continue;
    const said = [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name);
    const told = [said?.state, said?.lastState].map((part) => part?.terminated?.containerID?.replace("podman://", ""));
    if (told.includes(id)) continue;
    const siblings = found.filter((other) => other.name === name && other.attempt < attempt).map((other) => other.id);
    const before = [...exits.values()].findLast((end) => [...siblings, ...told].includes(end.containerId));
    exits.set(id, await keepExit(context, { ...one, crash: before?.retry }, { containerId: id, exit, attempt }));
  }
  return exits;
}
