import { setTimeout as delay } from "node:timers/promises";

/** The only way to time. Everything that waits or stamps takes a Clock, so that a simulation can own time. */
export interface Clock {
  /** Wall time in milliseconds since the Unix epoch; may jump. */
  now(): number;
  /** Milliseconds that never go back and do not follow changes of the wall clock. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  timer(ms: number, callback: () => void): () => void;
}

/** What Node's timers can hold, some 24 days: they take anything longer for one millisecond. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted();
    try {
      for (let left = ms; ; left -= LONGEST_TIMER_MS) {
        await delay(Math.min(left, LONGEST_TIMER_MS), undefined, signal ? { signal } : {});
        if (left <= LONGEST_TIMER_MS) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
  timer: (ms, callback) => {
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      const later = left > LONGEST_TIMER_MS;
      handle = setTimeout(later ? () => arm(left - LONGEST_TIMER_MS) : callback, Math.min(left, LONGEST_TIMER_MS));
      handle.unref();
    };
    arm(ms);
    return () => clearTimeout(handle);
  },
};

/** RFC 3339 with seconds, as Kubernetes' metav1.Time writes it. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with microseconds, as Kubernetes' metav1.MicroTime writes it. */
export function microTimestamp(ms: number): string {
  const micros = Math.floor((ms - Math.floor(ms)) * 1000);
  return `${new Date(ms).toISOString().slice(0, 23)}${String(micros).padStart(3, "0")}Z`;
}
