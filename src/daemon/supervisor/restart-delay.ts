/** A child that lived this long, in milliseconds, has started well: its death is not a failing start. */
const SETTLED_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;

export interface Deaths {
  /** Deaths in a row that came soon after the start. */
  readonly early: number;
}

/** What one more death means: a first one restarts at once, early ones in a row wait twice as long each time. */
export function afterDeath(deaths: Deaths, livedMs: number): { readonly deaths: Deaths; readonly delayMs: number } {
  if (livedMs >= SETTLED_MS) return { deaths: { early: 0 }, delayMs: 0 };
  const early = deaths.early + 1;
  const delayMs = early === 1 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (early - 2));
  return { deaths: { early }, delayMs };
}
