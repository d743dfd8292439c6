import { spawnSync } from "node:child_process";
import { startBundledAgent } from "../support/node-under-test.ts";
import { type Bench, median } from "../support/row.ts";

const ROUNDS = 5;

/** From spawn to /readyz, from the bundle, while Podman's service is up. */
export const start: Bench = {
  name: "start",
  meaning: "start to ready from the bundle",
  run: async () => {
    const times: number[] = [];
    const bare: number[] = [];
    const agent = await startBundledAgent();
    try {
      for (let round = 0; round < ROUNDS; round++) {
        await agent.end();
        const begin = performance.now();
        await agent.startAgain();
        times.push(performance.now() - begin);
        const empty = performance.now();
        spawnSync(process.execPath, ["-e", "0"]);
        bare.push(performance.now() - empty);
      }
    } finally {
      await agent.stop();
    }
    return [
      { row: "start to ready", unit: "ms", ours: median(times), goal: { compare: "at most", value: 500 } },
      {
        row: "start to ready, in empty Node starts",
        unit: "ms",
        ours: median(times),
        reference: { name: "empty Node", value: median(bare) },
      },
    ];
  },
};
