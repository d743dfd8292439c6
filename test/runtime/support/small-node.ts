import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/log.ts";
import type { PodRuntimeDeps } from "../../../src/runtime/pod-runtime.ts";

type Surroundings = Pick<PodRuntimeDeps, "network" | "prober" | "drain" | "clock" | "log" | "node">;

export interface SmallNodeOptions {
  readonly cpu: number;
  /** Called for each pod whose address is given back. */
  readonly released?: (uid: string) => void;
}

/** What a pod runtime finds around it on a node where every address is the same and every probe succeeds. */
export function smallNode({ cpu, released = () => {} }: SmallNodeOptions): Surroundings {
  return {
    network: {
      attach: async () => ({ network: "n", ip: "10.0.0.2", dnsServers: [], dnsSearches: [], dnsOptions: [] }),
      resolver: () => undefined,
      started: async () => {},
      release: async (uid) => released(uid),
    },
    prober: { probe: async () => ({ ok: true, message: "" }) },
    drain: { drained: async () => {} },
    clock: systemClock,
    log: silentLogger,
    node: {
      name: "node-1",
      hostIp: "192.0.2.1",
      allocatable: { cpu, memory: 2 ** 40, ephemeralStorage: 2 ** 40 },
    },
  };
}
