import {
  blocked,
  crash,
  goBytes,
  goFormulas,
  idle,
  manyBlocked,
  type Outcome,
  partition,
  quiet,
  restart,
  type Scenario,
  skewed,
  slow,
} from "./scenarios.ts";
import { PLAIN_SEAL } from "../../support/plain-seal.ts";

/**
 * `node test/membership/simulation/run.ts [--nodes 10,50] [--seeds N] [--seed FIRST] [--only WORD] [--events]` prints one
 * line for each scenario and size: seeds, handled events, figures (average and greatest, times in milliseconds) beside
 * the Go library's, and at last how often each invariant was looked at and held. Ends with 1 when one was broken, after
 * the story of that run. `--events` tells the story of every run.
 */
interface Plan {
  readonly scenario: Scenario;
  /** Sizes, and seeds for each. */
  readonly sizes: Readonly<Record<number, number>>;
}

const PLANS: readonly Plan[] = [
  { scenario: idle, sizes: { 10: 3, 50: 2, 200: 1, 500: 1 } },
  { scenario: crash(0), sizes: { 10: 40, 50: 30, 200: 20, 500: 30 } },
  { scenario: crash(0.1), sizes: { 10: 10, 50: 5, 200: 2, 500: 1 } },
  { scenario: crash(0.3), sizes: { 10: 10, 50: 4, 200: 1 } },
  { scenario: quiet(0.1), sizes: { 10: 20, 50: 8, 200: 2, 500: 1 } },
  { scenario: quiet(0.3), sizes: { 10: 10, 50: 4, 200: 1 } },
  { scenario: partition(20_000), sizes: { 10: 10, 50: 3, 200: 1, 500: 1 } },
  { scenario: partition(120_000), sizes: { 10: 10, 50: 3, 200: 1 } },
  { scenario: blocked(), sizes: { 3: 20, 10: 20, 50: 5, 200: 2, 500: 1 } },
  { scenario: blocked(0.1), sizes: { 3: 20, 10: 20, 50: 5, 200: 1 } },
  { scenario: manyBlocked, sizes: { 10: 10, 50: 5, 200: 1, 500: 1 } },
  { scenario: slow, sizes: { 10: 10, 50: 5, 200: 1, 500: 1 } },
  { scenario: skewed, sizes: { 10: 10, 50: 5, 200: 1, 500: 1 } },
  { scenario: restart(), sizes: { 2: 20, 3: 20, 5: 20, 10: 20, 50: 5, 200: 2, 500: 1 } },
  { scenario: restart({ loss: 0.1 }), sizes: { 2: 20, 3: 20, 10: 20, 50: 5, 200: 1 } },
];
/** From so many runs on, an average says something: whom a round of probes meets first varies by seconds. */
const ENOUGH = 20;
const FASTER = "on average as fast as the Go library's formulas";

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
}

const onlySizes = option("nodes")?.split(",").map(Number);
const seedLimit = Number(option("seeds") ?? Number.POSITIVE_INFINITY);
const firstSeed = Number(option("seed") ?? 1);
const word = option("only") ?? "";
const everyStory = process.argv.includes("--events");
const held = new Map<string, { times: number; broken: number }>();
let runs = 0;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function judge(invariant: string, broken: readonly string[], where: string): void {
  const count = held.get(invariant) ?? { times: 0, broken: 0 };
  count.times += 1;
  if (broken.length > 0) count.broken += 1;
  held.set(invariant, count);
  for (const what of broken) print(`BROKEN ${invariant}: ${where}: ${what}`);
}

function runOnce(scenario: Scenario, nodes: number, seed: number): Outcome {
  const outcome = scenario.run(nodes, seed);
  const where = `${scenario.name}, ${nodes} nodes, seed ${seed}`;
  runs += 1;
  if (everyStory || outcome.broken.length > 0) for (const line of [where, ...outcome.story()]) print(line);
  for (const [invariant, broken] of Object.entries(outcome.invariants)) judge(invariant, broken, where);
  return outcome;
}

/** What the Go library's formulas give, beside the figures of the same names. */
function formulasFor(scenario: Scenario, nodes: number): Readonly<Record<string, number>> {
  const bytes = { "bytes a node and second": goBytes(nodes, PLAIN_SEAL) };
  if (scenario === idle) return bytes;
  if (!scenario.name.startsWith("crash")) return {};
  const { detection, dissemination } = goFormulas(nodes);
  return { detected: detection, dissemination };
}

function runAll(scenario: Scenario, nodes: number, seeds: number): void {
  const outcomes = Array.from({ length: seeds }, (_, index) => runOnce(scenario, nodes, firstSeed + index));
  const formulas = formulasFor(scenario, nodes);
  const averages: Record<string, number> = {};
  const figures = Object.keys(outcomes[0]?.figures ?? {}).map((name) => {
    const values = outcomes.map((outcome) => outcome.figures[name] ?? Number.NaN);
    averages[name] = average(values);
    const beside = formulas[name] === undefined ? "" : `, Go ${Math.round(formulas[name])}`;
    return `${name} ${Math.round(average(values))} (most ${Math.round(Math.max(...values))}${beside})`;
  });
  const title = `${scenario.name}, ${nodes} nodes`;
  const events = outcomes.reduce((sum, outcome) => sum + outcome.events, 0);
  print(`${title}, seeds ${firstSeed} to ${firstSeed + seeds - 1}, ${events} events: ${figures.join("; ")}`);
  // The formulas know of no loss.
  if (!scenario.name.startsWith("crash") || scenario.name.includes("loss") || seeds < ENOUGH) return;
  const slower = Object.entries(formulas).flatMap(([name, go]) =>
    (averages[name] ?? 0) > go ? [`${name} ${Math.round(averages[name] ?? 0)} ms against ${Math.round(go)} ms`] : [],
  );
  judge(FASTER, slower, `${title}, seeds ${firstSeed} to ${firstSeed + seeds - 1}`);
}

for (const { scenario, sizes } of PLANS.filter((plan) => plan.scenario.name.includes(word)))
  for (const [size, seeds] of Object.entries(sizes))
    if (!onlySizes || onlySizes.includes(Number(size))) runAll(scenario, Number(size), Math.min(seeds, seedLimit));

print("");
for (const [invariant, { times, broken }] of held)
  print(`${invariant}: ${broken === 0 ? `held ${times} times` : `BROKEN ${broken} times of ${times}`}`);
const broken = [...held.values()].reduce((sum, count) => sum + count.broken, 0);
print(`${runs} runs, ${broken} broken invariants`);
process.exitCode = broken > 0 ? 1 : 0;
