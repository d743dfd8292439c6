import { crash, goBytes, goFormulas } from "../../test/membership/simulation/scenarios.ts";
import { SimulatedCluster } from "../../test/membership/simulation/simulated-cluster.ts";
import type { Bench, Result } from "../support/row.ts";

/** How many crashes of each size. */
const CRASHES: readonly (readonly [nodes: number, seeds: number])[] = [
  [10, 40],
  [50, 30],
  [200, 20],
  [500, 14],
];
/** One whole interval of push/pulls among 500. */
const SECONDS = 150;

function crashRows([nodes, seeds]: readonly [number, number]): Result[] {
  const runs = Array.from({ length: seeds }, (_, seed) => crash(0).run(nodes, (seed + 1) * 7919).figures);
  // The formulas are for the average; whom a round meets first varies by seconds.
  const figure = (name: string): number => runs.reduce((sum, run) => sum + (run[name] ?? Number.NaN), 0) / seeds;
  const go = goFormulas(nodes);
  return [
    {
      row: `crash detected, ${nodes} nodes`,
      unit: "ms",
      ours: figure("detected"),
      reference: { name: "Go's formulas", value: go.detection },
      goal: { compare: "at most", value: 1 },
    },
    {
      row: `death known to all after that, ${nodes} nodes`,
      unit: "ms",
      ours: figure("dissemination"),
      reference: { name: "Go's formulas", value: go.dissemination },
      goal: { compare: "at most", value: 1 },
    },
  ];
}

/** Idle, encrypted and compressed; the simulated network's own work is part of the time. */
function costRows(nodes: number): Result[] {
  const cluster = new SimulatedCluster({ nodes, seed: 1, sealed: true });
  cluster.run(10_000);
  const bytes = (): number => cluster.nodes.reduce((sum, node) => sum + node.bytes, 0);
  const before = { bytes: bytes(), cpu: process.cpuUsage() };
  cluster.run(SECONDS * 1000);
  const cpu = process.cpuUsage(before.cpu);
  const nodeSeconds = nodes * SECONDS;
  return [
    {
      row: `bytes sent a node and second, ${nodes} nodes`,
      unit: "B",
      ours: (bytes() - before.bytes) / nodeSeconds,
      reference: { name: "Go's probes and syncs", value: goBytes(nodes, cluster.seal) },
      goal: { compare: "at most", value: 1 },
    },
    {
      row: `CPU a node, ${nodes} nodes`,
      unit: "%",
      ours: ((cpu.user + cpu.system) / 1e6 / nodeSeconds) * 100,
      goal: { compare: "at most", value: 0.5 },
    },
  ];
}

/** In simulated time, at the Go library's settings for a local network. */
export const membership: Bench = {
  name: "membership",
  meaning: "failure detection, dissemination and cost by simulation",
  run: async () => [...CRASHES.flatMap(crashRows), ...[50, 500].flatMap(costRows)],
};
