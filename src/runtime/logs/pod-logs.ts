import { stat } from "node:fs/promises";
import { ApiError } from "../../api/api-error.ts";
import type { Pod } from "../../api/kinds.ts";
import type { Clock } from "../../lib/clock.ts";
import type { PodDirectory } from "../pod/pod-directory.ts";
import { readLog } from "./log-file.ts";

export interface PodLogOptions {
  readonly container?: string | undefined;
  readonly follow?: boolean | undefined;
  readonly previous?: boolean | undefined;
  readonly tailLines?: number | undefined;
  readonly sinceSeconds?: number | undefined;
  /** RFC 3339. */
  readonly sinceTime?: string | undefined;
  readonly timestamps?: boolean | undefined;
  readonly limitBytes?: number | undefined;
}

export interface PodLogsDeps {
  readonly directory: PodDirectory;
  readonly clock: Clock;
  /** The number of the container's newest run and whether it runs; undefined for a pod that is not here. */
  readonly run: (uid: string, container: string) => { readonly attempt: number; readonly running: boolean } | undefined;
}

/** Logs of this node's pods, read from the files that the engine writes: they outlive container and engine. */
export class PodLogs {
  readonly #deps: PodLogsDeps;

  constructor(deps: PodLogsDeps) {
    this.#deps = deps;
  }

  async open(pod: Pod, options: PodLogOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { directory, clock, run } = this.#deps;
    const uid = pod.metadata?.uid ?? "";
    const name = options.container ?? pod.spec?.containers[0]?.name ?? "";
    const attempts = await directory.logged(uid, name);
    const newest = attempts.at(-1);
    const what = `container "${name}" in pod "${pod.metadata?.name}"`;
    if (newest === undefined) throw notStarted(pod, name, what);
    const attempt = options.previous ? newest - 1 : newest;
    if (!attempts.includes(attempt)) {
      throw new ApiError("BadRequest", `previous terminated ${what} not found`);
    }
    const path = directory.log(uid, name, attempt);
    await stat(path);
    const ended = (): boolean => {
      const now = run(uid, name);
      return now === undefined || now.attempt !== attempt || !now.running;
    };
    return readLog(this.#deps, path, {
      follow: (options.follow ?? false) && !options.previous,
      tailLines: options.tailLines,
      since: sinceOf(options, clock.now()),
      timestamps: options.timestamps ?? false,
      limitBytes: options.limitBytes,
      ended,
      signal,
    });
  }
}

function sinceOf({ sinceSeconds, sinceTime }: PodLogOptions, now: number): number | undefined {
  if (sinceTime !== undefined) return Date.parse(sinceTime);
  return sinceSeconds === undefined ? undefined : now - sinceSeconds * 1000;
}

/** In upstream's words: what the container waits for. */
function notStarted(pod: Pod, name: string, what: string): ApiError {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const reason = statuses.find((status) => status.name === name)?.state?.waiting?.reason;
  if (reason === undefined) return new ApiError("NotFound", `${what} has no log on this node`);
  const doing = reason.includes("Image") ? "trying and failing to pull image" : `waiting to start: ${reason}`;
  return new ApiError("BadRequest", `${what} is ${doing}`);
}
