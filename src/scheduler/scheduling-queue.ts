import type { Stored } from "../api/stored.ts";
import type { Ref } from "../api/objects.ts";

interface Entry {
  readonly ref: Ref;
  readonly priority: number;
  readonly created: string;
  attempts: number;
  /** Not before this, in milliseconds of the monotonic clock. */
  notBefore: number;
  /** Waits for something in the cluster to change. */
  parked: boolean;
}

export interface SchedulingQueueOptions {
  initialBackoffMs?: number;
  maxBackoffMs?: number;
  /** A parked pod is tried again after this long even if nothing seems to have changed. */
  parkedMs?: number;
}

/** Pods that wait for a node: those of higher priority first, then those that wait longer. */
export class SchedulingQueue {
  readonly #entries = new Map<string, Entry>();
  readonly #initialBackoffMs: number;
  readonly #maxBackoffMs: number;
  readonly #parkedMs: number;

  constructor({ initialBackoffMs = 1000, maxBackoffMs = 10_000, parkedMs = 60_000 }: SchedulingQueueOptions = {}) {
    this.#initialBackoffMs = initialBackoffMs;
    this.#maxBackoffMs = maxBackoffMs;
    this.#parkedMs = parkedMs;
  }

  /** Takes in a pod; one that waits already is tried again at once when `changed`. */
  add({ metadata, spec }: Stored<"Pod">, changed: boolean): void {
    const known = this.#entries.get(metadata.uid);
    if (known) {
      if (changed) {
        known.parked = false;
        known.notBefore = 0;
      }
      return;
    }
    const { namespace, name, uid, creationTimestamp = "" } = metadata;
    const ref = { namespace, name, uid };
    const fresh = { attempts: 0, notBefore: 0, parked: false };
    this.#entries.set(uid, { ref, priority: spec.priority ?? 0, created: creationTimestamp, ...fresh });
  }

  remove(uid: string): void {
    this.#entries.delete(uid);
  }

  /** Something changed that may make room: parked pods are tried again once their back-off is over. */
  unpark(): void {
    for (const entry of this.#entries.values()) entry.parked = false;
  }

  /** Keeps a pod that found no node. */
  park(uid: string, now: number): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    entry.notBefore = now + Math.min(this.#initialBackoffMs * 2 ** entry.attempts, this.#maxBackoffMs);
    entry.attempts += 1;
    entry.parked = true;
  }

  /** Pods to try now, in order. They stay in the queue until they are removed. */
  due(now: number): Ref[] {
    return [...this.#entries.values()]
      .filter((entry) => this.#dueAt(entry) <= now)
      .toSorted(
        (a, b) => b.priority - a.priority || compareText(a.created, b.created) || compareText(a.ref.name, b.ref.name),
      )
      .map(({ ref }) => ref);
  }

  /** When the next pod is due, in milliseconds of the monotonic clock; Infinity when none waits. */
  nextDue(): number {
    return Math.min(Infinity, ...[...this.#entries.values()].map((entry) => this.#dueAt(entry)));
  }

  #dueAt({ parked, notBefore }: Entry): number {
    return parked ? notBefore + this.#parkedMs : notBefore;
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
