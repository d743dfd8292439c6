import { isNamespaceTerminating, isReason } from "../api/api-error.ts";
import type { KindName } from "../api/kinds.ts";
import type { EventRecorder, ObjectChange, Objects } from "../api/objects.ts";
import type { Clock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import { WorkQueue } from "../lib/work-queue.ts";
import { applyPlan } from "./apply-plan.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Controller, Homes, Target } from "./controller.ts";

export interface RunnerMetrics {
  /** After each look at a target. */
  reconciled(controller: string, outcome: "ok" | "conflict" | "error", durationMs: number): void;
  /** Targets that wait, after each change. */
  depth(controller: string, depth: number): void;
}

export interface RunnerDeps {
  readonly objects: Objects;
  readonly view: ClusterView;
  readonly homes: Homes;
  /** A recorder whose Events name the given component as their source. */
  readonly recorder: (component: string) => EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: RunnerMetrics;
}

/** An object that is missing was deleted while we decided; the next look knows. One that stays missing is a failure. */
const GONE_FOR_LONG_MS = 1000;

export interface RunnerOptions {
  /** Wait this long after the start and after each change of homes before deciding anything. */
  settleMs?: number;
  /** Targets of one controller that are worked on at a time. */
  workers?: number;
  baseDelayMs?: number;
  maxDelayMs?: number;
}

/** Runs controllers: watches, queues, decides on home objects only, applies the plans, retries with back-off. */
export class ControllerRunner {
  readonly #deps: RunnerDeps;
  readonly #controllers: readonly Controller[];
  readonly #settleMs: number;
  readonly #workers: number;
  readonly #delays: { baseDelayMs: number; maxDelayMs: number };
  readonly #queues = new Map<string, WorkQueue>();
  #settledAt = 0;

  constructor(
    deps: RunnerDeps & { readonly controllers: readonly Controller[] },
    { settleMs = 0, workers = 8, baseDelayMs = 5, maxDelayMs = 60_000 }: RunnerOptions = {},
  ) {
    this.#deps = deps;
    this.#controllers = deps.controllers;
    this.#settleMs = settleMs;
    this.#workers = workers;
    this.#delays = { baseDelayMs, maxDelayMs };
  }

  /** Nothing waits and nothing is being done; for tests and for shutting down in order. */
  get idle(): boolean {
    return [...this.#queues.values()].every((queue) => queue.idle);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#settle();
    this.#deps.view.start(signal);
    const running = this.#controllers.map((controller) => this.#runOne(controller, signal));
    this.#deps.homes.changed(() => {
      this.#settle();
      for (const controller of this.#controllers) this.#enqueueAll(controller);
    }, signal);
    await Promise.all(running);
  }

  #settle(): void {
    this.#settledAt = this.#deps.clock.monotonic() + this.#settleMs;
  }

  #enqueueAll(controller: Controller): void {
    for (const target of controller.all()) this.#queues.get(controller.name)?.add(keyOf(target));
  }

  async #runOne(controller: Controller, signal: AbortSignal): Promise<void> {
    const queue = new WorkQueue({ clock: this.#deps.clock }, this.#delays);
    this.#queues.set(controller.name, queue);
    for (const watch of controller.watches) {
      const targets = watch.targets as (change: ObjectChange) => Iterable<Target>;
      this.#deps.objects.watch(
        watch.kind,
        (change) => {
          try {
            for (const target of targets(change)) queue.add(keyOf(target));
          } catch (error) {
            // The store calls this and must not suffer for one object that a controller cannot read.
            const { namespace = "", name = "" } = change.object.metadata ?? {};
            const object = `${watch.kind}/${namespace}/${name}`;
            this.#deps.logger.error("Cannot follow a change", { controller: controller.name, object, error });
          }
        },
        signal,
      );
    }
    this.#enqueueAll(controller);
    await this.#work(controller, queue, signal);
    queue.clear();
  }

  /** Starts work as long as there are keys and free workers; ends with the signal, after what was begun. */
  async #work(controller: Controller, queue: WorkQueue, signal: AbortSignal): Promise<void> {
    const active = new Set<Promise<void>>();
    await new Promise<void>((resolve, reject) => {
      const pump = (): void => {
        if (signal.aborted) return;
        this.#deps.metrics?.depth(controller.name, queue.depth);
        while (active.size < this.#workers) {
          const key = queue.take();
          if (key === undefined) return;
          const work = this.#reconcile(controller, queue, key).then(
            () => {
              active.delete(work);
              queue.done(key);
              pump();
            },
            (error: unknown) => reject(error as Error),
          );
          active.add(work);
        }
      };
      // A turn later: several changes in one turn are one look.
      let scheduled = false;
      queue.onReady(() => {
        if (scheduled) return;
        scheduled = true;
        setImmediate(() => {
          scheduled = false;
          pump();
        });
      });
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
      pump();
    });
    await Promise.all(active);
  }

  async #reconcile(controller: Controller, queue: WorkQueue, key: string): Promise<void> {
    const { clock, homes, objects, view, metrics } = this.#deps;
    const target = targetOfKey(key);
    if (!homes.isHome(target.kind, target)) return;
    const wait = this.#settledAt - clock.monotonic();
    if (wait > 0) return queue.addAfter(key, wait);
    const started = clock.monotonic();
    let error: unknown;
    try {
      const plan = await controller.decide(target);
      error = await applyPlan(objects, plan, {
        written: (write, result) => {
          if (result) view.note(write.kind, result);
          controller.written?.(target, write, result);
        },
        failed: (write, failure) => controller.failed?.(target, write, failure),
      });
      if (error === undefined) {
        for (const event of plan.events ?? []) this.#deps.recorder(controller.name).record(event);
        if (plan.againMs !== undefined) queue.addAfter(key, Math.max(plan.againMs, 1));
      }
    } catch (thrown) {
      error = thrown ?? new Error("something that is no error was thrown");
    }
    const outcome = this.#finish(controller, { queue, key, error });
    metrics?.reconciled(controller.name, outcome, clock.monotonic() - started);
  }

  #finish(
    { name }: Controller,
    { queue, key, error }: { queue: WorkQueue; key: string; error: unknown },
  ): "ok" | "conflict" | "error" {
    // What is left in a namespace that is being deleted goes by itself: nothing is owed to it any more.
    if (error === undefined || isNamespaceTerminating(error)) {
      queue.forget(key);
      return "ok";
    }
    const retryMs = queue.retry(key);
    const fields = { controller: name, target: key, error: describeError(error), retryMs };
    // Somebody else was faster: seeing the newer state and deciding again is the normal way.
    const conflict = isRace(error) || (isReason(error, "NotFound") && retryMs < GONE_FOR_LONG_MS);
    if (conflict) this.#deps.logger.debug("controller retries", fields);
    else this.#deps.logger.warn("Cannot bring an object to its wanted state", fields);
    return conflict ? "conflict" : "error";
  }
}

function isRace(error: unknown): boolean {
  return isReason(error, "Conflict") || isReason(error, "AlreadyExists");
}

function keyOf({ kind, namespace = "", name }: Target): string {
  return `${kind}/${namespace}/${name}`;
}

function targetOfKey(key: string): Target {
  const [kind = "", namespace = "", ...name] = key.split("/");
  return { kind: kind as KindName, namespace: namespace === "" ? undefined : namespace, name: name.join("/") };
}
