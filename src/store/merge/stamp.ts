/**
 * A hybrid logical clock's reading: 12 hexadecimal digits of milliseconds since the Unix epoch and 4 of a counter, so
 * that stamps compare as text. Never leaves the store.
 */
export type Stamp = string;

/** Below every stamp that a clock gives: the stamp of what a controller creates. */
export const ZERO_STAMP: Stamp = "0".repeat(16);

export function formatStamp(ms: number, counter: number): Stamp {
  return ms.toString(16).padStart(12, "0") + counter.toString(16).padStart(4, "0");
}

/** Milliseconds since the Unix epoch. */
export function stampMs(stamp: Stamp): number {
  return Number.parseInt(stamp.slice(0, 12), 16);
}

export function stampCounter(stamp: Stamp): number {
  return Number.parseInt(stamp.slice(12), 16);
}

/** The next stamp, whatever the time: the same on every node. */
export function successor(stamp: Stamp): Stamp {
  return (BigInt(`0x${stamp}`) + 1n).toString(16).padStart(16, "0");
}
