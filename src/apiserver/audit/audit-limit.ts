import type { Clock } from "../../lib/clock.ts";

export interface AuditLimitOptions {
  /** Records of nobody in particular in one window; more would only push out what matters. */
  readonly most?: number;
  readonly windowMs?: number;
}

/** Keeps strangers from filling the audit log with their refusals until the old records in it are gone. */
export class AuditLimit {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #windowMs: number;
  #ends = 0;
  #count = 0;
  #skipped = 0;

  constructor(clock: Clock, { most = 300, windowMs = 60_000 }: AuditLimitOptions = {}) {
    this.#clock = clock;
    this.#most = most;
    this.#windowMs = windowMs;
  }

  /** How many were left out before the one that may be written now; undefined where it must not. */
  take(): number | undefined {
    const now = this.#clock.monotonic();
    if (now >= this.#ends) [this.#ends, this.#count] = [now + this.#windowMs, 0];
    if (this.#count >= this.#most) {
      this.#skipped += 1;
      return undefined;
    }
    this.#count += 1;
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }
}
