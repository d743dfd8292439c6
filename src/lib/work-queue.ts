import type { Clock } from "./clock.ts";

export interface WorkQueueOptions {
  /** First delay after a failure, doubled for each further one. */
  baseDelayMs?: number;
  maxDelayMs?: number;
}

/**
 * Keys that wait for work. A key is handed to one worker at a time; added again meanwhile, it comes back once that worker
 * is done, so nothing is lost and nothing is done twice in parallel.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #waiting = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  #wake: (() => void) | undefined;

  constructor({ clock }: { clock: Clock }, { baseDelayMs = 5, maxDelayMs = 60_000 }: WorkQueueOptions = {}) {
    this.#clock = clock;
    this.#baseDelayMs = baseDelayMs;
    this.#maxDelayMs = maxDelayMs;
  }

  /** Keys that could be taken now or that come back when their worker is done. */
  get depth(): number {
    return this.#waiting.size + this.#again.size;
  }

  get idle(): boolean {
    return this.depth === 0 && this.#active.size === 0;
  }

  add(key: string): void {
    if (this.#active.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#wake?.();
  }

  /** Adds the key after `ms`; of several waits for one key the shortest counts. */
  addAfter(key: string, ms: number): void {
    if (ms <= 0) return this.add(key);
    const at = this.#clock.monotonic() + ms;
    const known = this.#timers.get(key);
    if (known && known.at <= at) return;
    known?.cancel();
    const cancel = this.#clock.timer(ms, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { at, cancel });
  }

  /** Takes the oldest key, or nothing. Each taken key must be given back with `done`. */
  take(): string | undefined {
    const next = this.#waiting.values().next();
    if (next.done) return undefined;
    this.#waiting.delete(next.value);
    this.#active.add(next.value);
    return next.value;
  }

  done(key: string): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Adds the key again after its back-off, and returns that delay in milliseconds. */
  retry(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delay = Math.min(this.#baseDelayMs * 2 ** failures, this.#maxDelayMs);
    this.addAfter(key, delay);
    return delay;
  }

  /** Forgets the key's failures. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Calls `wake` whenever there may be something to take; there is one listener. */
  onReady(wake: () => void): void {
    this.#wake = wake;
  }

  /** Drops everything that waits, with its timers. */
  clear(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#waiting.clear();
    this.#again.clear();
  }
}
