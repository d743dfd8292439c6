import assert from "node:assert/strict";
import { test } from "node:test";
import { blocked, crash, goFormulas, partition, quiet, restart, type Scenario, skewed, slow } from "./scenarios.ts";

/** A few small runs; `run.ts` has the many and the large ones. */
const SEEDS = [1, 2, 3];
const SCENARIOS: readonly [Scenario, number][] = [
  [crash(0), 10],
  [crash(0.1), 20],
  [quiet(0.1, 30_000), 10],
  [partition(20_000), 9],
  [partition(100_000), 6],
  [blocked(), 5],
  [blocked(0.1), 10],
  [slow, 10],
  [skewed, 10],
  [restart(), 2],
  [restart(), 7],
  [restart({ loss: 0.1 }), 5],
];

for (const [scenario, nodes] of SCENARIOS) {
  test(`${scenario.name}, ${nodes} nodes: nobody is taken for what it is not`, () => {
    for (const seed of SEEDS) assert.deepEqual(scenario.run(nodes, seed).broken, [], `seed ${seed}`);
  });
}

test("a crash is detected and known no later than Go's formulas say", () => {
  const runs = [1, 2, 3, 4, 5, 6].map((seed) => crash(0).run(20, seed).figures);
  const average = (name: string): number =>
    runs.reduce((sum, figures) => sum + (figures[name] ?? Number.NaN), 0) / runs.length;
  const go = goFormulas(20);
  assert.ok(average("detected") <= go.detection, `${average("detected")} ms against ${go.detection} ms`);
  assert.ok(average("dissemination") <= go.dissemination);
});

test("the simulation sees a false death where one is due: an agent that restarts, without a wait for it", () => {
  const outcomes = SEEDS.map((seed) => restart({ tuning: { agentRestartMs: 0 } }).run(5, seed));
  assert.ok(outcomes.some(({ broken }) => broken.length > 0));
});

test("the same seed brings the same run", () => {
  const told = () => {
    const outcome = crash(0.1).run(8, 42);
    return { ...outcome, story: outcome.story() };
  };
  assert.deepEqual(told(), told());
});
