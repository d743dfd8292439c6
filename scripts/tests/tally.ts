/** How many tests passed and failed. */
export interface Tally {
  passed: number;
  failed: number;
}

/**
 * Counts what a stage's output reports: the summary of Node's test runner or a line "NAME: N of M". A stage that
 * reports nothing is one test, and one that ended with an error though all its tests passed has failed once.
 */
export function countTests(output: string, exitCode: number): Tally {
  const last = (pattern: RegExp): string[] => [...output.matchAll(pattern)].at(-1)?.slice(1) ?? [];
  const tally: Tally = { passed: 0, failed: 0 };
  const [pass] = last(/^(?:ℹ|#) pass (\d+)$/gmu);
  if (pass !== undefined) {
    tally.passed = Number(pass);
    for (const kind of ["fail", "cancelled"])
      tally.failed += Number(last(new RegExp(`^(?:ℹ|#) ${kind} (\\d+)$`, "gmu"))[0] ?? 0);
  }
  const [good, all] = last(/^\w+: (\d+) of (\d+)$/gmu);
  if (good !== undefined && all !== undefined) {
    tally.passed += Number(good);
    tally.failed += Number(all) - Number(good);
  }
  if (exitCode !== 0 && tally.failed === 0) tally.failed = 1;
  if (exitCode === 0 && tally.passed === 0) tally.passed = 1;
  return tally;
}
