import { type Clock, systemClock } from "./clock.ts";

export interface Deadline extends Disposable {
  /** Aborts when the time is over, or with the outer signal. */
  readonly signal: AbortSignal;
  /** Whether it was the time that ended it. */
  readonly passed: boolean;
}

/** A signal that also ends by time; dispose of it once the work is done. Without `ms` only the outer signal counts. */
export function deadline(ms: number | undefined, outer: AbortSignal, clock: Clock = systemClock): Deadline {
  const own = new AbortController();
  const cancel = ms === undefined ? () => {} : clock.timer(ms, () => own.abort(new Error(`not done after ${ms} ms`)));
  return {
    signal: AbortSignal.any([outer, own.signal]),
    get passed() {
      return own.signal.aborted;
    },
    [Symbol.dispose]: cancel,
  };
}
