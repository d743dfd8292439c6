import type { TestContext } from "node:test";
import { systemRandom } from "../../src/lib/random.ts";

/**
 * The seed of a fuzzed test, another one each time, printed with it: `FUZZ_SEED=N` repeats the run. FUZZ_RUNS times as
 * many runs as usual are made where that is set.
 */
export function fuzzing(t: TestContext, usual: number): { seed: number; numRuns: number } {
  const given = process.env["FUZZ_SEED"];
  const seed = given === undefined ? Math.floor(systemRandom.next() * 2 ** 31) : Number(given);
  const numRuns = Math.ceil(usual * Number(process.env["FUZZ_RUNS"] ?? 1));
  t.diagnostic(`seed ${seed}, ${numRuns} runs (FUZZ_SEED=${seed} repeats them)`);
  return { seed, numRuns };
}
