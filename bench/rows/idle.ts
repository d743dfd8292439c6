import { setTimeout as delay } from "node:timers/promises";
import { benchPod, deleteBenchPods, startBundledAgent, untilReady, usageOf } from "../support/node-under-test.ts";
import type { Bench } from "../support/row.ts";

const PODS = 10;

/** Memory and CPU of the three processes with ten pods and nothing to do. Minutes: BENCH_IDLE_MINUTES, 10 by default. */
export const idle: Bench = {
  name: "idle",
  meaning: "memory and CPU of the three processes with ten pods",
  run: async () => {
    const minutes = Number(process.env["BENCH_IDLE_MINUTES"] ?? 10);
    const agent = await startBundledAgent();
    const client = agent.client();
    try {
      const names = Array.from({ length: PODS }, (_, at) => `bench-idle-${at}`);
      await Promise.all(
        names.map((name) => client.json("POST", "/api/v1/namespaces/default/pods", { body: benchPod(name) })),
      );
      await untilReady(client, new Set(names), new AbortController().signal);
      await delay(10_000);
      const pids = [agent.pid, agent.pidOf("run-agent"), agent.pidOf("run-dataplane")];
      const before = pids.map(usageOf);
      await delay(minutes * 60_000);
      const after = pids.map(usageOf);
      const cpu = after.reduce((sum, usage, at) => sum + usage.cpuSeconds - (before[at]?.cpuSeconds ?? 0), 0);
      const memory = (["supervisor", "agent", "dataplane"] as const).map((name, at) => ({
        row: `idle memory of the ${name}`,
        unit: "MB PSS",
        ours: after[at]?.pssMb ?? 0,
      }));
      await deleteBenchPods(client);
      return [
        ...memory,
        {
          row: `idle memory, ${PODS} pods, ${minutes} min`,
          unit: "MB PSS",
          ours: after.reduce((sum, usage) => sum + usage.pssMb, 0),
          goal: { compare: "at most", value: 120 },
        },
        {
          row: `idle CPU, ${PODS} pods, ${minutes} min`,
          unit: "% of a core",
          ours: (100 * cpu) / (minutes * 60),
          goal: { compare: "at most", value: 0.5 },
        },
      ];
    } finally {
      client.close();
      await agent.stop();
    }
  },
};
