import { EMPTY } from "../wire/msgpack-reader.ts";

/** Versions of what is built on top of the membership; Serf 0.9 speaks 2 to 5. */
export interface DelegateVersions {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/**
 * How a node behaves. Defaults are the Go library's for a local network (memberlist v0.7.0, config.go,
 * `DefaultLANConfig`), unless said otherwise. All times in milliseconds.
 */
export interface Settings {
  readonly name: string;
  /** Where others reach this node: 4 or 16 bytes of an IP address, and the port of both UDP and TCP. */
  readonly addr: Buffer;
  readonly port: number;
  /** Up to 512 bytes that every node knows of this one. */
  readonly meta: Buffer;
  /** 1 to 5: 2 is spoken by default, since all newer features show in the greatest version that is understood. */
  readonly protocolVersion: number;
  readonly delegate: DelegateVersions;
  /** How often a node is probed, and how long its direct answer may take. */
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  /** How many others are asked to probe a node that did not answer. */
  readonly indirectChecks: number;
  /** Each rumour is sent `retransmitMult * ceil(log10(n + 1))` times. */
  readonly retransmitMult: number;
  /** A suspect has `suspicionMult * max(1, log10(n)) * probeInterval` to refute, and `suspicionMaxMult` times that while nobody else suspects it. */
  readonly suspicionMult: number;
  readonly suspicionMaxMult: number;
  readonly pushPullIntervalMs: number;
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  /** For how long a dead node still hears gossip, so that it can refute; then it is forgotten. */
  readonly gossipToTheDeadMs: number;
  /** A node that finds itself slow probes up to so many times more slowly. */
  readonly awarenessMax: number;
  readonly tcpTimeoutMs: number;
  /** After this a dead node's name may come back from another address. 0: only a left one's may. */
  readonly deadNodeReclaimMs: number;
  readonly disableTcpPings: boolean;
  /** Bytes of one packet at most, with everything. */
  readonly packetBytes: number;
  /** What label and encryption take of them. */
  readonly packetOverhead: number;
  /** Not in Go: more names than this are not taken, so that forged ones cannot fill the memory. */
  readonly maxMembers: number;
  /**
   * Not in Go: a suspect whose host answers on the cluster port (it refuses the connection, or accepts it and says
   * nothing) has so long to come back: its agent restarts. 0 turns it off.
   */
  readonly agentRestartMs: number;
  /** Not in Go: a timer that is so late means that this node stood still; others get the lost time back. */
  readonly stallMs: number;
}

export const LAN_SETTINGS: Omit<Settings, "name" | "addr" | "port"> = {
  meta: EMPTY,
  protocolVersion: 2,
  delegate: { min: 0, max: 0, current: 0 },
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  pushPullIntervalMs: 30_000,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  awarenessMax: 8,
  tcpTimeoutMs: 10_000,
  deadNodeReclaimMs: 0,
  disableTcpPings: false,
  packetBytes: 1400,
  packetOverhead: 0,
  maxMembers: 10_000,
  agentRestartMs: 12_000,
  stallMs: 250,
};
