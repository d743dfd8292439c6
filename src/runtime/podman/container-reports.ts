import type { ContainerExit, ObservedContainer, ObservedSandbox } from "../runtime-port.ts";
import { LABEL, ownerOf, type Labels } from "./labels.ts";

/** The part of `GET /containers/json` that we read. Times are seconds. */
export interface ListedContainer {
  readonly Id: string;
  readonly IsInfra: boolean;
  readonly Labels: Labels | null;
  readonly ImageID: string;
  readonly Pod: string;
  readonly State: string;
  readonly StartedAt: number;
  readonly ExitedAt: number;
  readonly ExitCode: number;
}

/** The part of `GET /pods/json` that we read. */
export interface ListedPod {
  readonly Id: string;
  readonly Labels: Labels | null;
}

/** The part of `GET /containers/ID/json` that we read. */
export interface InspectedContainer {
  readonly State: {
    readonly Status: string;
    readonly OOMKilled: boolean;
    readonly ExitCode: number;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  /** Bytes, 0 for no limit. */
  readonly HostConfig: { readonly Memory: number };
}

/** libpod's container states (`libpod/define/containerstate.go`). */
export function stateOf(state: string): ObservedContainer["state"] | undefined {
  switch (state) {
    case "running":
    case "paused":
    case "stopping":
      return "running";
    case "created":
    case "configured":
    case "initialized":
      return "created";
    case "exited":
    case "stopped":
    case "unknown":
      return "exited";
    default:
      return undefined;
  }
}

export function exitOf({ State: state }: InspectedContainer, now: number): ContainerExit {
  const finishedAt = Date.parse(state.FinishedAt);
  const startedAt = Date.parse(state.StartedAt);
  return {
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    startedAt: startedAt > 0 ? startedAt : now,
    finishedAt: finishedAt > 0 ? finishedAt : now,
  };
}

/** Groups a listing by sandbox; `exits` holds the details of the containers that have ended. */
export function sandboxesOf(
  listed: readonly ListedContainer[],
  exits: ReadonlyMap<string, ContainerExit>,
): readonly ObservedSandbox[] {
  const sandboxes = new Map<string, { sandbox: ObservedSandbox; containers: ObservedContainer[] }>();
  for (const infra of listed) {
    const pod = ownerOf(infra.Labels ?? {});
    if (!infra.IsInfra || pod === undefined) continue;
    const containers: ObservedContainer[] = [];
    const attempt = Number(infra.Labels?.[LABEL.sandboxAttempt] ?? 0);
    const sandbox = { id: infra.Pod, pod, attempt, running: stateOf(infra.State) === "running", containers };
    sandboxes.set(infra.Pod, { sandbox, containers });
  }
  for (const one of listed) {
    const report = one.IsInfra ? undefined : containerOf(one, exits.get(one.Id));
    if (report) sandboxes.get(one.Pod)?.containers.push(report);
  }
  return [...sandboxes.values()].map(({ sandbox }) => sandbox);
}

/**
 * Those of which no container is left, or was made: Podman's service was killed while it made or removed them. They are
 * in no listing of containers.
 */
export function bareSandboxes(pods: readonly ListedPod[], known: readonly ObservedSandbox[]): ObservedSandbox[] {
  return pods.flatMap(({ Id: id, Labels: labels }) => {
    const pod = ownerOf(labels ?? {});
    if (pod === undefined || known.some((sandbox) => sandbox.id === id)) return [];
    return [{ id, pod, attempt: Number(labels?.[LABEL.sandboxAttempt] ?? 0), running: false, containers: [] }];
  });
}

function containerOf(listed: ListedContainer, exit: ContainerExit | undefined): ObservedContainer | undefined {
  const state = stateOf(listed.State);
  const name = listed.Labels?.[LABEL.container];
  if (state === undefined || name === undefined) return undefined;
  return {
    id: listed.Id,
    name,
    attempt: Number(listed.Labels?.[LABEL.attempt] ?? 0),
    specHash: listed.Labels?.[LABEL.specHash] ?? "",
    imageId: listed.ImageID,
    state,
    ...(listed.StartedAt > 0 ? { startedAt: listed.StartedAt * 1000 } : {}),
    ...(state === "exited" && exit ? { exit } : {}),
  };
}
