import type { Clock } from "./clock.ts";

/** For loops that run until a signal: resolves after `ms`, or at once when `signal` is aborted, and leaves the rest to the loop. */
export async function pause(clock: Pick<Clock, "sleep">, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
