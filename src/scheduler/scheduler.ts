import { isReason } from "../api/api-error.ts";
import type { EventRecorder, Objects, Ref } from "../api/objects.ts";
import type { Stored } from "../api/stored.ts";
import type { Clock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import { chooseNode } from "./choose-node.ts";
import { assume, type ClusterSnapshot } from "./cluster-snapshot.ts";
import { ClusterWatch } from "./cluster-watch.ts";
import { GATED, isGated, isWaiting, withVerdict, type Verdict } from "./pod-verdict.ts";
import { SchedulingQueue, type SchedulingQueueOptions } from "./scheduling-queue.ts";

/** Whether this node schedules: only the home of the well-known key `scheduler` does. Always, on a single node. */
export interface SchedulerHome {
  isHome(): boolean;
  /** Calls `listener` after each change of that. */
  changed(listener: () => void, signal: AbortSignal): void;
}

export interface SchedulerMetrics {
  /** After each look at a pod. */
  attempted(outcome: "scheduled" | "unschedulable" | "error", durationMs: number): void;
}

export interface SchedulerDeps {
  readonly objects: Objects;
  /** Records as `default-scheduler`. */
  readonly recorder: EventRecorder;
  readonly home: SchedulerHome;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: SchedulerMetrics;
}

export interface SchedulerOptions extends SchedulingQueueOptions {
  /** Wait this long after the start and after each change of the home before scheduling anything. */
  settleMs?: number;
}

/** Gives pods their nodes. Works in rounds: one snapshot, all pods that wait, their bindings together. */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #queue: SchedulingQueue;
  readonly #cluster: ClusterWatch;
  readonly #settleMs: number;
  #settledAt = 0;
  #wake: () => void = () => {};
  #pending = true;
  readonly #generations = new Map<string, number>();

  constructor(deps: SchedulerDeps, { settleMs = 0, ...options }: SchedulerOptions = {}) {
    this.#deps = deps;
    this.#settleMs = settleMs;
    this.#queue = new SchedulingQueue(options);
    this.#cluster = new ClusterWatch({
      objects: deps.objects,
      hooks: {
        pod: (pod, change) => this.#see(pod, change),
        room: () => {
          this.#queue.unpark();
          this.#poke();
        },
      },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#settle();
    this.#cluster.start(signal);
    this.#deps.home.changed(() => {
      this.#settle();
      this.#poke();
    }, signal);
    signal.addEventListener("abort", () => this.#poke(), { once: true });
    while (!signal.aborted) {
      const { clock, home } = this.#deps;
      const wait = this.#settledAt - clock.monotonic();
      if (home.isHome() && wait <= 0) await this.#round();
      await this.#rest(home.isHome() ? Math.max(wait, this.#queue.nextDue() - clock.monotonic()) : Infinity, signal);
    }
  }

  #settle(): void {
    this.#settledAt = this.#deps.clock.monotonic() + this.#settleMs;
  }

  #poke(): void {
    this.#pending = true;
    this.#wake();
  }

  /** Until something changes or a pod is due. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted && ms > 0) {
      await new Promise<void>((resolve) => {
        // Timers overflow beyond 2^31 ms.
        const cancel = ms < 2 ** 31 ? this.#deps.clock.timer(ms, () => this.#wake()) : undefined;
        this.#wake = () => {
          cancel?.();
          resolve();
        };
      });
    }
    // A turn of the event loop, so that changes that come together are one round.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#pending = false;
  }

  #see(pod: Stored<"Pod">, change: "ADDED" | "MODIFIED" | "DELETED"): void {
    const { uid, generation } = pod.metadata;
    if (change === "DELETED" || !isWaiting(pod)) return this.#forget({ name: pod.metadata.name, uid });
    // Only a change of the spec makes another try worth while; our own condition does not.
    const known = this.#generations.get(uid);
    this.#generations.set(uid, generation ?? 0);
    this.#queue.add(pod, known !== undefined && known !== (generation ?? 0));
    this.#poke();
  }

  async #round(): Promise<void> {
    const { clock } = this.#deps;
    const due = this.#queue.due(clock.monotonic());
    if (due.length === 0) return;
    const snapshot = this.#cluster.snapshot();
    const writes: Promise<void>[] = [];
    for (const ref of due) {
      const pod = this.#cluster.pod(ref);
      if (!pod || !isWaiting(pod)) {
        this.#forget(ref);
        continue;
      }
      if (isGated(pod)) {
        this.#queue.park(pod.metadata.uid, clock.monotonic());
        writes.push(this.#say(pod, GATED));
        continue;
      }
      writes.push(this.#place(pod, snapshot));
    }
    await Promise.all(writes);
  }

  /** Decides at once, so that the next pod of the round sees it, and writes in its own time. Never rejects. */
  #place(pod: Stored<"Pod">, snapshot: ClusterSnapshot): Promise<void> {
    const { clock, metrics } = this.#deps;
    const started = clock.monotonic();
    try {
      const choice = chooseNode(pod, snapshot);
      if ("node" in choice) {
        assume(snapshot, choice.node, pod);
        return this.#bind(pod, { node: choice.node.name, started });
      }
      this.#queue.park(pod.metadata.uid, clock.monotonic());
      metrics?.attempted("unschedulable", clock.monotonic() - started);
      return this.#refuse(pod, { reason: "Unschedulable", message: choice.refusal });
    } catch (error) {
      // One pod that cannot be judged must not keep the others from their nodes.
      this.#queue.park(pod.metadata.uid, clock.monotonic());
      metrics?.attempted("error", clock.monotonic() - started);
      const message = `Cannot choose a node: ${describeError(error)}`;
      this.#deps.logger.error(message, { pod: `${pod.metadata.namespace ?? ""}/${pod.metadata.name}` });
      return this.#refuse(pod, { reason: "SchedulerError", message });
    }
  }

  #forget({ uid = "" }: Ref): void {
    this.#queue.remove(uid);
    this.#generations.delete(uid);
  }

  /** Never rejects: what goes wrong is tried again after the back-off. */
  async #bind(pod: Stored<"Pod">, { node, started }: { node: string; started: number }): Promise<void> {
    const { namespace = "", name, uid } = pod.metadata;
    const ref = { namespace, name, uid };
    const { clock } = this.#deps;
    try {
      await this.#deps.objects.bind(ref, node);
      this.#cluster.bound(ref);
      this.#forget(ref);
      const message = `Successfully assigned ${namespace}/${name} to ${node}`;
      this.#record(pod, { type: "Normal", reason: "Scheduled", message });
      this.#deps.metrics?.attempted("scheduled", clock.monotonic() - started);
    } catch (error) {
      this.#queue.park(uid, clock.monotonic());
      this.#queue.unpark();
      this.#deps.metrics?.attempted("error", clock.monotonic() - started);
      // It is gone, bound by somebody else or on its way out: the next round sees which.
      if (isReason(error, "NotFound") || isReason(error, "Conflict")) return;
      const message = `Cannot bind ${namespace}/${name} to ${node}: ${describeError(error)}`;
      this.#deps.logger.warn(message);
      await this.#refuse(pod, { reason: "SchedulerError", message });
    }
  }

  async #refuse(pod: Stored<"Pod">, verdict: Verdict): Promise<void> {
    this.#record(pod, { type: "Warning", reason: "FailedScheduling", message: verdict.message });
    await this.#say(pod, verdict);
  }

  /** Writes the reason into the pod's condition. Never rejects. */
  async #say(pod: Stored<"Pod">, verdict: Verdict): Promise<void> {
    const next = withVerdict(pod, verdict, this.#deps.clock.now());
    if (!next) return;
    try {
      await this.#deps.objects.updateStatus("Pod", next);
    } catch (error) {
      if (isReason(error, "NotFound") || isReason(error, "Conflict")) return;
      const { namespace = "", name } = pod.metadata;
      this.#deps.logger.warn("Cannot write why a pod has no node", {
        pod: `${namespace}/${name}`,
        error: describeError(error),
      });
    }
  }

  #record(
    { metadata }: Stored<"Pod">,
    event: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string },
  ): void {
    const { namespace, name, uid } = metadata;
    this.#deps.recorder.record({ regarding: { kind: "Pod", apiVersion: "v1", namespace, name, uid }, ...event });
  }
}
