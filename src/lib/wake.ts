import type { Clock } from "./clock.ts";

/** A bell for one sleeper: a ring that comes while nobody sleeps ends the next sleep at once. */
export class Wake {
  readonly #clock: Clock;
  #rung = false;
  #ring: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#ring?.();
  }

  /** Resolves at the next ring, after `ms`, or when `signal` is aborted; with whether it was a ring. */
  async sleep(ms: number | undefined, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = ms === undefined ? undefined : this.#clock.timer(Math.min(ms, 2 ** 31 - 1), resolve);
      this.#ring = resolve;
      const aborted = (): void => resolve();
      signal.addEventListener("abort", aborted, { once: true });
      await promise;
      signal.removeEventListener("abort", aborted);
      cancel?.();
      this.#ring = undefined;
    }
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }
}
