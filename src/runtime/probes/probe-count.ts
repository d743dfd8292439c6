/** How often in a row a probe has said the same. */
export interface ProbeCount {
  readonly ok: boolean | undefined;
  readonly run: number;
}

export const NO_RESULTS: ProbeCount = { ok: undefined, run: 0 };

/** Counts one more result; the verdict is set once a threshold is reached. */
export function countProbe(
  before: ProbeCount,
  ok: boolean,
  { successThreshold = 1, failureThreshold = 3 }: { successThreshold?: number; failureThreshold?: number },
): { readonly count: ProbeCount; readonly verdict: boolean | undefined } {
  const count = { ok, run: before.ok === ok ? before.run + 1 : 1 };
  return { count, verdict: count.run >= (ok ? successThreshold : failureThreshold) ? ok : undefined };
}
