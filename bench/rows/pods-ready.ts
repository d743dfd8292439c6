import { eventually } from "../../test/poll.ts";
import {
  benchPod,
  deleteBenchPods,
  IMAGE,
  podmanSocket,
  startBundledAgent,
  untilReady,
} from "../support/node-under-test.ts";
import { RawPodman } from "../support/raw-podman.ts";
import { type Bench, median, type Result } from "../support/row.ts";

const ROUNDS = 5;
const MANY = 50;
const PARALLEL = [2, 4, 8] as const;

/** From the request to Ready, against the bare Podman calls that do the same. */
export const podsReady: Bench = {
  name: "pods-ready",
  meaning: "apply to Ready against the raw Podman calls",
  run: async () => {
    const agent = await startBundledAgent();
    const client = agent.client();
    const raw = new RawPodman(podmanSocket(), IMAGE);
    const stop = new AbortController();
    const ours = async (names: readonly string[]): Promise<number> => {
      const ready = untilReady(client, new Set(names), stop.signal);
      const start = performance.now();
      await Promise.all(
        names.map((name) => client.json("POST", "/api/v1/namespaces/default/pods", { body: benchPod(name) })),
      );
      await ready;
      return performance.now() - start;
    };
    try {
      await eventually(async () => (await client.text("GET", "/api/v1/nodes")).includes('"KubeletReady"'), {
        what: "a ready node",
      });
      const single = await singlePods(raw, async (name) => {
        const time = await ours([name]);
        await deleteBenchPods(client);
        return time;
      });
      const many = await manyPods(raw, async (names) => {
        const time = await ours(names);
        await deleteBenchPods(client);
        return time;
      });
      return [...single, many];
    } finally {
      stop.abort();
      client.close();
      raw.close();
      await agent.stop();
    }
  },
};

/** In turn, so that the machine's moods meet both. The first round warms up. */
async function singlePods(raw: RawPodman, ours: (name: string) => Promise<number>): Promise<Result[]> {
  const times: { own: number[]; bare: number[] } = { own: [], bare: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    await raw.startPod(`bench-raw-${round}`);
    const bare = performance.now() - start;
    await raw.removePod(`bench-raw-${round}`);
    const own = await ours(`bench-one-${round}`);
    if (round > 0) {
      times.bare.push(bare);
      times.own.push(own);
    }
  }
  return [
    {
      row: "one pod: apply to Ready",
      unit: "ms",
      ours: median(times.own),
      reference: { name: "raw calls", value: median(times.bare) },
      goal: { compare: "at most", value: 1.3 },
    },
  ];
}

/** The best of as many tries on either side, in turn: the bare calls once with each parallelism. */
async function manyPods(raw: RawPodman, ours: (names: readonly string[]) => Promise<number>): Promise<Result> {
  let own = Number.POSITIVE_INFINITY;
  let bare = { ms: Number.POSITIVE_INFINITY, parallel: 0 };
  for (const parallel of PARALLEL) {
    const ms = await rawPods(raw, parallel);
    if (ms < bare.ms) bare = { ms, parallel };
    own = Math.min(own, await ours(Array.from({ length: MANY }, (_, at) => `bench-many-${at}`)));
  }
  return {
    row: `${MANY} pods: apply to all Ready`,
    unit: "ms",
    ours: own,
    reference: { name: `raw calls, ${bare.parallel} at once`, value: bare.ms },
    goal: { compare: "at most", value: 1.3 },
  };
}

async function rawPods(raw: RawPodman, parallel: number): Promise<number> {
  const names = Array.from({ length: MANY }, (_, at) => `bench-raw-many-${at}`);
  const queue = [...names];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) await raw.startPod(name);
    }),
  );
  const ms = performance.now() - start;
  for (const name of names) await raw.removePod(name);
  return ms;
}
