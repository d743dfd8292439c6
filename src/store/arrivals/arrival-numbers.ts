import type { Clock } from "../../lib/clock.ts";

/** 2024-01-01: 41 bits of milliseconds since then last until 2093. */
const EPOCH_MS = Date.UTC(2024, 0, 1);
const PER_MS = 64;
const INCARNATION_BITS = 16n;

/** Milliseconds since the epoch above times 64, plus a counter: a node's own order of arrivals. Exact as a number. */
export type Arrival = number;

/** Hands out a node's arrival numbers and writes them as resourceVersions: 41 bits ms, 6 counter, 16 incarnation. */
export class ArrivalNumbers {
  readonly #clock: Clock;
  readonly #incarnation: bigint;
  #last: Arrival;

  /** `incarnation` is below 65536 and belongs to the data directory; `last` is the last number handed out before. */
  constructor(clock: Clock, { incarnation, last = 0 }: { readonly incarnation: number; readonly last?: Arrival }) {
    this.#clock = clock;
    this.#incarnation = BigInt(incarnation);
    this.#last = last;
  }

  get last(): Arrival {
    return this.#last;
  }

  next(): Arrival {
    const wall = Math.floor(this.#clock.now() - EPOCH_MS) * PER_MS;
    this.#last = Math.max(wall, this.#last + 1, PER_MS);
    return this.#last;
  }

  format(arrival: Arrival): string {
    return ((BigInt(arrival) << INCARNATION_BITS) | this.#incarnation).toString();
  }

  /** Undefined for what this node incarnation has not written. */
  parse(resourceVersion: string): Arrival | undefined {
    if (!/^[1-9][0-9]{0,18}$/.test(resourceVersion)) return undefined;
    const value = BigInt(resourceVersion);
    if ((value & 0xffffn) !== this.#incarnation) return undefined;
    return Number(value >> INCARNATION_BITS);
  }
}
