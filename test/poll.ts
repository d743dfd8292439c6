import { describeError } from "../src/lib/log.ts";

/** How long to go on and what for. */
export interface EventuallyOptions {
  /** Give up after this long; 30 seconds by default, as many a test runs on a machine that is busy with others. */
  timeoutMs?: number;
  /** Time between two tries; 20 ms by default. */
  everyMs?: number;
  /** What is waited for, as it should read after "Cannot see". */
  what?: string;
  signal?: AbortSignal;
}

/**
 * Tries `check` until it neither throws nor returns false, null or undefined, and returns what it returned.
 * A check of assertions returns true at its end. Past the deadline it throws with the last failure as cause.
 * The only place where tests wait.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 20, what = "the expected state", signal }: EventuallyOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  let tries = 0;
  let last: unknown;
  for (;;) {
    signal?.throwIfAborted();
    tries += 1;
    try {
      const value = await check();
      if (value !== false && value !== null && value !== undefined)
        return value as Exclude<T, false | null | undefined>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const why = last === undefined ? "it is not so yet" : describeError(last);
      throw new Error(`Cannot see ${what}: ${why} (after ${timeoutMs} ms, ${tries} tries)`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
