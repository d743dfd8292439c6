import type { Clock } from "../lib/clock.ts";

export interface FailureLimitOptions {
  /** Failures that one source has in a window before it must wait. */
  readonly allowed?: number;
  readonly windowMs?: number;
  /** Sources that are remembered; the oldest are forgotten first. */
  readonly sources?: number;
}

interface Window {
  readonly ends: number;
  failures: number;
  /** No more of them than failures are allowed. */
  readonly tried: Set<string>;
}

/** Counts failures by source in fixed windows, so that secrets cannot be guessed by trying. */
export class FailureLimit {
  readonly #clock: Clock;
  readonly #allowed: number;
  readonly #windowMs: number;
  readonly #sources: number;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, { allowed = 20, windowMs = 60_000, sources = 4096 }: FailureLimitOptions = {}) {
    this.#clock = clock;
    this.#allowed = allowed;
    this.#windowMs = windowMs;
    this.#sources = sources;
  }

  /** How long this source must wait before it may try again, in milliseconds; 0 for not at all. */
  waitMs(source: string): number {
    const window = this.#windows.get(source);
    if (!window || window.failures < this.#allowed) return 0;
    return Math.max(0, window.ends - this.#clock.monotonic());
  }

  /**
   * Notes a failure; gives how many the source has in this window. With `tried`, a name for what failed, only the first
   * failure of each is noted, which is no guess when it is tried again: then it gives undefined.
   */
  failed(source: string): number;
  failed(source: string, tried: string): number | undefined;
  failed(source: string, tried?: string): number | undefined {
    const now = this.#clock.monotonic();
    let window = this.#windows.get(source);
    if (!window || window.ends <= now) {
      this.#windows.delete(source);
      window = { ends: now + this.#windowMs, failures: 0, tried: new Set() };
      this.#windows.set(source, window);
      const [oldest] = this.#windows.keys();
      if (this.#windows.size > this.#sources && oldest !== undefined) this.#windows.delete(oldest);
    }
    if (tried !== undefined) {
      if (window.tried.has(tried)) return undefined;
      if (window.failures < this.#allowed) window.tried.add(tried);
    }
    window.failures += 1;
    return window.failures;
  }
}
