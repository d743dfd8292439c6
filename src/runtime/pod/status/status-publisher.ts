import { isDeepStrictEqual } from "node:util";
import { isReason } from "../../../api/api-error.ts";
import type { Pod, PodStatus } from "../../../api/kinds.ts";
import type { Objects } from "../../../api/objects.ts";
import type { Clock } from "../../../lib/clock.ts";
import { describeError, type Logger } from "../../../lib/log.ts";
import { pause } from "../../../lib/pause.ts";

const RETRY_MS = 500;

interface PublisherDeps {
  readonly objects: Objects;
  readonly clock: Clock;
  readonly log: Logger;
  /** The object as it is in the store; undefined when it is gone. */
  readonly current: () => Pod | undefined;
  readonly status: (pod: Pod) => PodStatus;
}

/** Writes a pod's status whenever it differs: one write at a time, each with the newest state. */
export class StatusPublisher {
  readonly #deps: PublisherDeps;
  readonly #signal: AbortSignal;
  #dirty = false;
  #writing: Promise<void> | undefined;

  constructor(deps: PublisherDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Takes note of a change; never waits. */
  mark(): void {
    this.#dirty = true;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  /** Resolves when the state of now is stored. */
  async flush(): Promise<void> {
    this.mark();
    while (this.#writing && !this.#signal.aborted) await this.#writing;
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { objects, clock, log, current, status } = this.#deps;
    // Changes of one turn are one write.
    await Promise.resolve();
    while (this.#dirty && !this.#signal.aborted) {
      this.#dirty = false;
      const pod = current();
      if (!pod) return;
      const next = status(pod);
      if (isDeepStrictEqual(pod.status, next)) continue;
      try {
        const { resourceVersion: _, ...metadata } = pod.metadata ?? {};
        await objects.updateStatus("Pod", { ...pod, metadata, status: next } as Pod);
      } catch (error) {
        if (isReason(error, "NotFound")) return;
        log.warn("Cannot write a pod's status", { pod: pod.metadata?.name, error: describeError(error) });
        this.#dirty = true;
        await pause(clock, RETRY_MS, this.#signal);
      }
    }
  }
}
