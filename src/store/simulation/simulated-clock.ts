import type { Clock } from "../../lib/clock.ts";

/** A clock that stands until it is moved; `skew` makes it wrong. */
export class SimulatedClock implements Clock {
  ms: number;
  skew = 0;

  constructor(ms: number) {
    this.ms = ms;
  }

  now(): number {
    return this.ms + this.skew;
  }

  monotonic(): number {
    return this.ms;
  }

  async sleep(): Promise<void> {
    throw new Error("Cannot sleep on a simulated clock: move it");
  }

  /** Nothing becomes due by itself. */
  timer(): () => void {
    return () => {};
  }
}
