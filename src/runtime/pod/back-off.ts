export interface BackOff {
  readonly delayMs: number;
  /** When the delay was counted last; milliseconds since the epoch. */
  readonly at: number;
}

/** Upstream's: 10 s, doubled to 5 minutes. */
const FIRST_MS = 10_000;
const MAX_MS = 300_000;
/** A container that has run so long starts over. */
const RESET_MS = 600_000;

/** The next delay after a failure. */
export function grow(before: BackOff | undefined, now: number): BackOff {
  if (!before) return { delayMs: FIRST_MS, at: now };
  return { delayMs: Math.min(MAX_MS, before.delayMs * 2), at: now };
}

/**
 * After a container's end: how long to wait before its next start. The first restart is at once; a run of ten minutes
 * makes the next one a first one again.
 */
export function crashDelay(
  before: BackOff | undefined,
  run: { readonly startedAt: number | undefined; readonly finishedAt: number },
): { readonly waitMs: number; readonly next: BackOff } {
  const ranMs = run.startedAt === undefined ? 0 : run.finishedAt - run.startedAt;
  if (!before || ranMs >= RESET_MS) return { waitMs: 0, next: { delayMs: FIRST_MS, at: run.finishedAt } };
  return { waitMs: before.delayMs, next: grow(before, run.finishedAt) };
}
