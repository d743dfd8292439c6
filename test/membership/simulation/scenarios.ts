import { ownState } from "../../../src/membership/protocol/exchanging.ts";
import { pushPullInterval, retransmitLimit, suspicionTimeout } from "../../../src/membership/protocol/formulas.ts";
import { LAN_SETTINGS, type Settings } from "../../../src/membership/protocol/settings.ts";
import { encodeMessage } from "../../../src/membership/wire/encode-message.ts";
import { EMPTY } from "../../../src/membership/wire/msgpack-reader.ts";
import { type PacketMessage, sealPacket } from "../../../src/membership/wire/packet.ts";
import type { SealOptions } from "../../../src/membership/wire/seal-options.ts";
import { PLAIN_SEAL } from "../../support/plain-seal.ts";
import { type Seen, SimulatedCluster, type SimulatedNode } from "./simulated-cluster.ts";

/** What must be so in every run. */
export type Invariant =
  | "nobody that lives is taken for dead"
  | "all that live agree in the end"
  | "every death is heard by all"
  | "a long cut is seen by both sides"
  | "no more bytes than the Go library";

/** What one run of a scenario showed. */
export interface Outcome {
  /** Figures to print, in milliseconds or as named. */
  readonly figures: Readonly<Record<string, number>>;
  /** What was looked at, and how it was broken, in words. */
  readonly invariants: Readonly<Partial<Record<Invariant, readonly string[]>>>;
  /** All of these words. */
  readonly broken: readonly string[];
  /** Packets, timers and streams that were handled. */
  readonly events: number;
  /** What the nodes reported, in the order of time. */
  readonly story: () => string[];
}

function outcomeOf(
  cluster: SimulatedCluster,
  { figures, invariants }: Pick<Outcome, "figures" | "invariants">,
): Outcome {
  const seconds = cluster.now / 1000;
  const bytes = cluster.nodes.reduce((sum, node) => sum + node.bytes, 0);
  return {
    figures: { "bytes a node and second": bytes / cluster.nodes.length / seconds, ...figures },
    invariants,
    broken: Object.values(invariants).flat(),
    events: cluster.events.planned,
    story: () => cluster.seen.map(storyLine),
  };
}

function storyLine({ at, by, report }: Seen): string {
  const { kind } = report;
  const about = "member" in report ? ` ${report.member.name}` : kind === "forgotten" ? ` ${report.name}` : "";
  const more = kind === "stalled" ? ` for ${report.ms} ms` : kind === "refuted" ? ` what ${report.by} said` : "";
  return `${(at / 1000).toFixed(3)} s  ${by} ${kind}${about}${more}`;
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

/** Numbers of probes take three bytes once a node has run for five minutes. */
const LATER = 300;

/**
 * Bytes that a node of the Go library sends in a second while nothing happens: one ping and one acknowledgement a
 * probe's interval (each node asks one and is asked by one), and a push/pull begun and one answered in each of their
 * intervals. Their messages have the same bytes as ours (the golden frames), so they are counted here.
 */
export function goBytes(nodes: number, seal: SealOptions): number {
  const cluster = new SimulatedCluster({ nodes, seed: 1 });
  const { state } = cluster.nodes.at(-1) as SimulatedNode;
  const { probeIntervalMs, pushPullIntervalMs } = LAN_SETTINGS;
  const plain = { ...seal, compression: false };
  const size = (message: PacketMessage): number => sealPacket([encodeMessage(message)], true, plain).length;
  const source = { sourceAddr: state.self.addr, sourcePort: state.self.port, sourceNode: state.self.name };
  const ping = size({ kind: "ping", ping: { seqNo: LATER, node: state.self.name, ...source } });
  const ack = size({ kind: "ack", ack: { seqNo: LATER, payload: EMPTY } });
  const sync = ownState(state, false).length;
  return ((ping + ack) / probeIntervalMs + (2 * sync) / pushPullInterval(pushPullIntervalMs, nodes)) * 1000;
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

function noDeath(deaths: readonly string[]): Outcome["invariants"] {
  return { "nobody that lives is taken for dead": deaths };
}

/** `settledAfter` is undefined where they never agreed. */
function agreement(cluster: SimulatedCluster, settledAfter: number | undefined): Outcome["invariants"] {
  const broken = settledAfter === undefined ? disagreements(cluster).slice(0, 3) : [];
  return { "all that live agree in the end": broken };
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
      const unheard = all === undefined ? ["not everybody heard of the death within 90 s"] : [];
      const deaths = falseDeaths(cluster, truly);
      return outcomeOf(cluster, {
        figures: { ...figures, "false deaths": deaths.length },
        invariants: { "every death is heard by all": unheard, ...(loss <= TOLERATED_LOSS ? noDeath(deaths) : {}) },
      });
    },
  };
}

/** Nothing happens, for two intervals of push/pulls. */
export const idle: Scenario = {
  name: "nothing happens",
  run: (nodes, seed) => {
    const cluster = new SimulatedCluster({ nodes, seed });
    // The first push/pulls are later than the others.
    const interval = pushPullInterval(LAN_SETTINGS.pushPullIntervalMs, nodes);
    cluster.run(interval);
    for (const node of cluster.nodes) node.bytes = 0;
    const start = cluster.now;
    cluster.run(2 * interval);
    const bytes = cluster.nodes.reduce((sum, node) => sum + node.bytes, 0);
    const ours = bytes / nodes / ((cluster.now - start) / 1000);
    const go = goBytes(nodes, PLAIN_SEAL);
    const more = ours > go ? [`${Math.round(ours)} bytes a node and second against ${Math.round(go)}`] : [];
    return outcomeOf(cluster, {
      figures: { suspicions: suspected(cluster), "bytes a node and second": ours },
      invariants: { "no more bytes than the Go library": more, ...noDeath(falseDeaths(cluster, NOBODY)) },
    });
  },
};

/** Nobody fails, but packets get lost. */
export function quiet(loss: number, ms = 60_000): Scenario {
  return {
    name: `${loss * 100} % loss for ${ms / 1000} s`,
    run: (nodes, seed) => {
      const cluster = new SimulatedCluster({ nodes, seed, loss });
      cluster.run(ms);
      const deaths = falseDeaths(cluster, NOBODY);
      const figures = { suspicions: suspected(cluster), "false deaths": deaths.length };
      return outcomeOf(cluster, { figures, invariants: loss <= TOLERATED_LOSS ? noDeath(deaths) : {} });
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
      return outcomeOf(cluster, {
        figures: { healed: healed ?? Number.NaN },
        invariants: {
          ...(long ? { "a long cut is seen by both sides": apart.slice(0, 1) } : {}),
          ...agreement(cluster, healed),
        },
      });
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
      const deaths = falseDeaths(cluster, NOBODY);
      return outcomeOf(cluster, {
        figures: { suspicions: suspected(cluster), "false deaths": deaths.length, "calm again": calm ?? Number.NaN },
        invariants: { ...agreement(cluster, calm), ...noDeath(deaths) },
      });
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
