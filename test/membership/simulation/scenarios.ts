import { pushPullInterval, retransmitLimit, suspicionTimeout } from "../../../src/membership/protocol/formulas.ts";
import { LAN_SETTINGS, type Settings } from "../../../src/membership/protocol/settings.ts";
import { SimulatedCluster, type SimulatedNode } from "./simulated-cluster.ts";

/** What one run of a scenario showed. */
export interface Outcome {
  /** Figures to print, in milliseconds or as named. */
  readonly figures: Readonly<Record<string, number>>;
  /** Broken invariants, in words. */
  readonly broken: readonly string[];
  readonly events: number;
}

export interface Scenario {
  readonly name: string;
  run(nodes: number, seed: number): Outcome;
}

/**
 * What the Go library's own settings and formulas give for a crash, in milliseconds. Until somebody probes it:
 * e/(e-1) intervals on average (SWIM, Das et al. 2002, 4.1). Then a probe's interval until it is suspected, the time of
 * a suspicion that enough others confirm, and a rumour's rounds until it is sent for the last time.
 */
export function goFormulas(nodes: number): { detection: number; dissemination: number } {
  const { probeIntervalMs, suspicionMult, retransmitMult, gossipIntervalMs } = LAN_SETTINGS;
  const firstProbe = (Math.E / (Math.E - 1)) * probeIntervalMs;
  const suspicion = suspicionTimeout(suspicionMult, nodes, probeIntervalMs);
  return {
    detection: firstProbe + probeIntervalMs + suspicion,
    dissemination: retransmitLimit(retransmitMult, nodes) * gossipIntervalMs,
  };
}

function living(cluster: SimulatedCluster): SimulatedNode[] {
  return cluster.nodes.filter(({ power }) => power === "up");
}

/** Deaths of nodes that were up, or only restarting. */
function falseDeaths(cluster: SimulatedCluster, truly: ReadonlySet<string>): string[] {
  return cluster.seen.flatMap(({ at, by, report }) =>
    report.kind === "failed" && !truly.has(report.member.name)
      ? [`${by} took ${report.member.name} for dead at ${Math.round(at)} ms`]
      : [],
  );
}

function disagreements(cluster: SimulatedCluster, truly: ReadonlySet<string> = new Set()): string[] {
  return living(cluster).flatMap((viewer) =>
    cluster.nodes.flatMap(({ name }) => {
      const state = cluster.stateOf(viewer, name);
      const right = truly.has(name) ? state === "dead" || state === undefined : state === "alive";
      return right ? [] : [`${viewer.name} takes ${name} for ${state ?? "unknown"}`];
    }),
  );
}

function suspected(cluster: SimulatedCluster): number {
  return cluster.nodes.reduce((sum, { state }) => sum + state.counters.suspicions, 0);
}

function settled(cluster: SimulatedCluster): boolean {
  return disagreements(cluster).length === 0;
}

/** Up to here nobody that lives may be taken for dead; above, the figures tell how many are. */
const TOLERATED_LOSS = 0.1;
const NOBODY: ReadonlySet<string> = new Set();

/** One host goes dark: when the first one declares it dead, and when the last one has heard. */
export function crash(loss: number): Scenario {
  return {
    name: loss === 0 ? "crash" : `crash at ${loss * 100} % loss`,
    run: (nodes, seed) => {
      const cluster = new SimulatedCluster({ nodes, seed, loss });
      cluster.run(4000 + cluster.random.next() * 1000);
      const victim = cluster.nodes[Math.floor(cluster.random.next() * nodes)] as SimulatedNode;
      const truly = new Set([victim.name]);
      const start = cluster.now;
      cluster.crash(victim, "host-down");
      const all = cluster.runUntil(
        () => living(cluster).every((one) => cluster.stateOf(one, victim.name) === "dead"),
        90_000,
      );
      const first = (kind: string): number =>
        (cluster.seen.find(
          ({ at, report }) =>
            at >= start && report.kind === kind && "member" in report && report.member.name === victim.name,
        )?.at ?? Number.NaN) - start;
      const figures = {
        suspected: first("suspected"),
        detected: first("failed"),
        "known to all": all ?? Number.NaN,
        dissemination: (all ?? Number.NaN) - first("failed"),
      };
      const broken = all === undefined ? ["not everybody heard of the death within 90 s"] : [];
      if (loss <= TOLERATED_LOSS) broken.push(...falseDeaths(cluster, truly));
      return { figures, broken, events: cluster.events.planned };
    },
  };
}

/** Nobody fails, but packets get lost. */
export function quiet(loss: number, ms = 60_000): Scenario {
  return {
    name: `${loss * 100} % loss for ${ms / 1000} s`,
    run: (nodes, seed) => {
      const cluster = new SimulatedCluster({ nodes, seed, loss });
      cluster.run(ms);
      const deaths = falseDeaths(cluster, NOBODY);
      const figures = { suspicions: suspected(cluster), "false deaths": deaths.length };
      return { figures, broken: loss <= TOLERATED_LOSS ? deaths : [], events: cluster.events.planned };
    },
  };
}

/** A third of the hosts is cut off for as long as given; after it all are one again. */
export function partition(ms: number): Scenario {
  return {
    name: `cut for ${ms / 1000} s`,
    run: (nodes, seed) => {
      const cluster = new SimulatedCluster({ nodes, seed });
      cluster.run(3000);
      const cut = cluster.nodes.slice(0, Math.ceil(nodes / 3));
      for (const node of cut) node.side = 1;
      cluster.run(ms);
      // A small side needs longer than a short cut lasts: it probes more slowly while it does not hear most others.
      const long = ms >= 60_000;
      const apart = cut.flatMap((node) => {
        const last = cluster.nodes.at(-1) as SimulatedNode;
        return long && cluster.stateOf(node, last.name) === "alive" ? [`${node.name} still sees the other side`] : [];
      });
      for (const node of cut) node.side = 0;
      // Forgotten ones are looked for once an interval of push/pulls.
      const limit = 4 * pushPullInterval(LAN_SETTINGS.pushPullIntervalMs, nodes);
      const healed = cluster.runUntil(() => settled(cluster), limit);
      const broken = healed === undefined ? disagreements(cluster).slice(0, 3) : [];
      return {
        figures: { healed: healed ?? Number.NaN },
        broken: [...apart.slice(0, 1), ...broken],
        events: cluster.events.planned,
      };
    },
  };
}

interface Disturbed {
  readonly loss?: number;
  readonly skewed?: boolean;
  readonly tuning?: Partial<Settings>;
}

/** Hours apart, and up to 5 % fast or slow. */
function skewedClock(index: number): { offset: number; rate: number } {
  return { offset: (index % 7) * 3_600_000, rate: 0.95 + (index % 11) / 100 };
}

/** Something happens that must not look like a death. */
function withoutDeath(
  name: string,
  { loss = 0, skewed: skew = false, tuning = {} }: Disturbed,
  disturb: (cluster: SimulatedCluster) => void,
): Scenario {
  return {
    name: loss > 0 ? `${name}, at ${loss * 100} % loss` : name,
    run: (nodes, seed) => {
      const cluster = new SimulatedCluster({ nodes, seed, loss, tuning, ...(skew ? { clock: skewedClock } : {}) });
      cluster.run(4000 + cluster.random.next() * 1000);
      disturb(cluster);
      const calm = cluster.runUntil(() => settled(cluster), 60_000);
      const broken = calm === undefined ? disagreements(cluster).slice(0, 3) : [];
      return {
        figures: { suspicions: suspected(cluster), "calm again": calm ?? Number.NaN },
        broken: [...broken, ...falseDeaths(cluster, NOBODY)],
        events: cluster.events.planned,
      };
    },
  };
}

function someNode(cluster: SimulatedCluster): SimulatedNode {
  return cluster.nodes[Math.floor(cluster.random.next() * cluster.nodes.length)] as SimulatedNode;
}

/** A disk that blocks, or an event loop that is busy: for a node it is the same. Twice, so that it meets probes. */
export function blocked(loss = 0): Scenario {
  return withoutDeath("one stands still for 2 s", { loss }, (cluster) => {
    for (let time = 0; time < 2; time += 1) {
      cluster.pause(someNode(cluster), 2000);
      cluster.run(5000);
    }
  });
}

export const manyBlocked = withoutDeath("a tenth stands still for 2 s", {}, (cluster) => {
  for (const node of cluster.nodes) if (node.index % 10 === 0) cluster.pause(node, 2000);
  cluster.run(10_000);
});

export const slow = withoutDeath("a tenth is 400 ms late with everything", {}, (cluster) => {
  for (const node of cluster.nodes) if (node.index % 10 === 0) node.slowMs = 400;
  cluster.run(30_000);
});

export const skewed = withoutDeath("clocks hours apart, up to 5 % fast or slow", { skewed: true }, (cluster) => {
  cluster.run(30_000);
});

/** `tuning` without a wait for agents shows what the wait is for. */
export function restart({ loss = 0, tuning = {} }: Disturbed = {}): Scenario {
  return withoutDeath("an agent is gone for up to 10 s", { loss, tuning }, (cluster) => {
    const node = someNode(cluster);
    cluster.crash(node, "agent-down");
    cluster.run(5000 + cluster.random.next() * 5000);
    cluster.restart(node);
    cluster.run(5000);
  });
}
