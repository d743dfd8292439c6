import {
  crash,
  blocked,
  goFormulas,
  manyBlocked,
  partition,
  quiet,
  restart,
  type Scenario,
  skewed,
  slow,
} from "./scenarios.ts";

/**
 * `node test/membership/simulation/run.ts [--seeds N] [--nodes 10,50] [--only WORD]` prints one line a run. Exits with
 * 1 when an invariant is broken: nobody that lives, or restarts within ten seconds, is taken for dead; all that live
 * agree in the end; every death is heard by all.
 */
interface Plan {
  readonly scenario: Scenario;
  /** Sizes, and seeds for each. */
  readonly sizes: Readonly<Record<number, number>>;
}

const PLANS: readonly Plan[] = [
  { scenario: crash(0), sizes: { 10: 20, 50: 10, 200: 4, 500: 3 } },
  { scenario: crash(0.1), sizes: { 10: 10, 50: 5, 200: 2 } },
  { scenario: crash(0.3), sizes: { 10: 10, 50: 4 } },
  { scenario: quiet(0.1), sizes: { 10: 20, 50: 8, 200: 2, 500: 1 } },
  { scenario: quiet(0.3), sizes: { 10: 10, 50: 4 } },
  { scenario: partition(20_000), sizes: { 10: 10, 50: 3, 200: 1 } },
  { scenario: partition(120_000), sizes: { 10: 10, 50: 3, 200: 1 } },
  { scenario: blocked(), sizes: { 3: 20, 10: 20, 50: 5, 200: 2, 500: 1 } },
  { scenario: blocked(0.1), sizes: { 3: 20, 10: 20, 50: 5, 200: 1 } },
  { scenario: manyBlocked, sizes: { 10: 10, 50: 5, 200: 1, 500: 1 } },
  { scenario: slow, sizes: { 10: 10, 50: 5, 200: 1, 500: 1 } },
  { scenario: skewed, sizes: { 10: 10, 50: 5, 200: 1, 500: 1 } },
  { scenario: restart(), sizes: { 2: 20, 3: 20, 5: 20, 10: 20, 50: 5, 200: 2, 500: 1 } },
  { scenario: restart({ loss: 0.1 }), sizes: { 2: 20, 3: 20, 10: 20, 50: 5, 200: 1 } },
];

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
}

const onlySizes = option("nodes")?.split(",").map(Number);
const seedLimit = Number(option("seeds") ?? Number.POSITIVE_INFINITY);
const firstSeed = Number(option("seed") ?? 1);
const word = option("only") ?? "";

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

let broken = 0;
let runs = 0;
for (const { scenario, sizes } of PLANS.filter((plan) => plan.scenario.name.includes(word))) {
  for (const [nodes, seeds] of Object.entries(sizes).map(([size, count]) => [Number(size), count] as const)) {
    if (onlySizes && !onlySizes.includes(nodes)) continue;
    const outcomes = Array.from({ length: Math.min(seeds, seedLimit) }, (_, index) => {
      const seed = firstSeed + index;
      const outcome = scenario.run(nodes, seed);
      for (const what of outcome.broken)
        process.stdout.write(`BROKEN ${scenario.name}, ${nodes} nodes, seed ${seed}: ${what}\n`);
      return outcome;
    });
    runs += outcomes.length;
    broken += outcomes.filter((outcome) => outcome.broken.length > 0).length;
    const names = Object.keys(outcomes[0]?.figures ?? {});
    const figures = names.map((name) => {
      const values = outcomes.map((outcome) => outcome.figures[name] ?? Number.NaN);
      return `${name} ${Math.round(average(values))} (most ${Math.round(Math.max(...values))})`;
    });
    const formula = goFormulas(nodes);
    const beside = scenario.name.startsWith("crash")
      ? `; Go's formulas: detected ${Math.round(formula.detection)}, dissemination ${Math.round(formula.dissemination)}`
      : "";
    const events = outcomes.reduce((sum, outcome) => sum + outcome.events, 0);
    process.stdout.write(
      `${scenario.name}, ${nodes} nodes, seeds ${firstSeed} to ${firstSeed + outcomes.length - 1}, ${events} events: ${figures.join(", ")}${beside}\n`,
    );
  }
}
process.stdout.write(`${runs} runs, ${broken} with a broken invariant\n`);
process.exitCode = broken > 0 ? 1 : 0;
