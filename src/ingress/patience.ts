/** What a sender must at least keep up. */
export interface Pace {
  /** How long it may keep us waiting behind the rate, at the start as at any later point. */
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/**
 * How much longer to wait for a sender: waiting uses up the grace, what arrives gives it back at the rate, up to the
 * whole again. So a sender that keeps the rate is never given up, one that is silent is given up after the grace, and
 * nobody saves up time for later by a fast start.
 */
export class Patience {
  readonly #pace: Pace;
  #leftMs: number;
  #since: number | undefined;

  constructor(pace: Pace) {
    this.#pace = pace;
    this.#leftMs = pace.graceMs;
  }

  /** From now on, in milliseconds of a monotonic clock, it is the sender for whom we wait. */
  wait(now: number): void {
    this.#since ??= now;
  }

  /** We wait no longer, whether or not this many bytes have come. */
  take(now: number, bytes = 0): void {
    this.#leftMs = Math.min(this.#pace.graceMs, this.left(now) + (bytes * 1000) / this.#pace.bytesPerSecond);
    this.#since = undefined;
  }

  /** For how many milliseconds yet; none is left at 0 or below. */
  left(now: number): number {
    return this.#since === undefined ? this.#leftMs : this.#leftMs - (now - this.#since);
  }

  refill(now: number): void {
    this.#leftMs = this.#pace.graceMs;
    if (this.#since !== undefined) this.#since = now;
  }
}
