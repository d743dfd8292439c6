import type { Clock } from "../../lib/clock.ts";
import { formatStamp, type Stamp, stampCounter, stampMs, ZERO_STAMP } from "./stamp.ts";

/** A stamp that is further ahead of this node's wall clock than this comes from a wrong clock and is refused. */
export const MAX_AHEAD_MS = 5 * 60_000;

const COUNTER_LIMIT = 0xffff;

/** Gives stamps that always grow and are later than every stamp seen, whatever the wall clock does. */
export class HybridClock {
  readonly #clock: Clock;
  #ms: number;
  #counter: number;

  /** `last` is the latest stamp that this node has given or seen before. */
  constructor(clock: Clock, last: Stamp = ZERO_STAMP) {
    this.#clock = clock;
    this.#ms = stampMs(last);
    this.#counter = stampCounter(last);
  }

  get last(): Stamp {
    return formatStamp(this.#ms, this.#counter);
  }

  next(): Stamp {
    const wall = Math.floor(this.#clock.now());
    if (wall > this.#ms) {
      this.#ms = wall;
      this.#counter = 0;
    } else if (this.#counter < COUNTER_LIMIT) {
      this.#counter += 1;
    } else {
      this.#ms += 1;
      this.#counter = 0;
    }
    return this.last;
  }

  /** Takes note of a stamp from elsewhere; false when it is too far ahead to be believed. */
  observe(stamp: Stamp): boolean {
    const ms = stampMs(stamp);
    if (ms > this.#clock.now() + MAX_AHEAD_MS) return false;
    if (stamp > this.last) {
      this.#ms = ms;
      this.#counter = stampCounter(stamp);
    }
    return true;
  }
}
