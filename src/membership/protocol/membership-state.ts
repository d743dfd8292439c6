import type { Random } from "../../lib/random.ts";
import { PROTOCOL_VERSIONS } from "../wire/message-type.ts";
import { BroadcastQueue } from "./broadcast-queue.ts";
import type { Effect } from "./effects.ts";
import { type Endpoint, type Member, newMember } from "./member.ts";
import { MemberTable } from "./member-table.ts";
import type { Settings } from "./settings.ts";
import type { Suspicion } from "./suspicion.ts";
import { TimerQueue } from "./timer-queue.ts";

/** User messages that wait for gossip; more than this is not news. */
const MAX_USER_BROADCASTS = 1024;

/** The probe that is under way: one at a time. */
export interface Probe {
  readonly seqNo: number;
  readonly member: Member;
  readonly incarnation: number;
  readonly sentAt: number;
  readonly endsAt: number;
  /** Nacks that were asked for, and that came: who can still hear of others is well itself. */
  nacksWanted: number;
  nacks: number;
  /** What the attempt over TCP brought. */
  streamAnswered: boolean;
  hostAnswered: boolean;
}

/** Somebody asked this node to probe another one. */
export interface Relay {
  readonly seqNo: number;
  readonly to: Endpoint;
  readonly toName: string;
  readonly nack: boolean;
}

/** What an exchange over a stream is for. */
export type Purpose =
  | { readonly kind: "probe"; readonly seqNo: number }
  | { readonly kind: "last-check"; readonly name: string; readonly seqNo: number; readonly startedAt: number }
  | { readonly kind: "sync"; readonly join: boolean; readonly outcome: number | undefined };

export interface Counters {
  probes: number;
  probesFailed: number;
  probesAnsweredByStreamOnly: number;
  suspicions: number;
  deaths: number;
  refutations: number;
  conflicts: number;
  syncs: number;
  syncsFailed: number;
  stalls: number;
  /** Messages that were read but not taken. */
  ignored: number;
  /** Time between ping and answer, summed, of the probes that were answered directly. */
  roundTripMs: number;
  roundTrips: number;
}

/** All that one node knows. Only `step` changes it; whoever reads it must not keep parts of it. */
export interface MembershipState {
  readonly settings: Settings;
  readonly random: Random;
  readonly members: MemberTable;
  readonly self: Member;
  readonly timers: TimerQueue;
  /** Rumours about members, by the member's name. */
  readonly broadcasts: BroadcastQueue;
  readonly userBroadcasts: BroadcastQueue;
  readonly suspicions: Map<string, Suspicion>;
  readonly relays: Map<number, Relay>;
  readonly exchanges: Map<number, Purpose>;
  /** Failed nodes that were forgotten, by name, and since when. */
  readonly lost: Map<string, { readonly endpoint: Endpoint; readonly since: number }>;
  readonly counters: Counters;
  probe: Probe | undefined;
  /** The time for the next probe came while one was under way. */
  probeWaits: boolean;
  seqNo: number;
  nextExchange: number;
  /** Grows with every suspicion and every change of its end, over all members: older timers are void. */
  epoch: number;
  /** 0 is healthy; below `awarenessMax`. */
  score: number;
  leaving: boolean;
  leaveTold: boolean;
  packetOverhead: number;
  now: number;
  /** What the step under way has brought so far. */
  effects: Effect[];
}

const NO_COUNTS: Counters = {
  probes: 0,
  probesFailed: 0,
  probesAnsweredByStreamOnly: 0,
  suspicions: 0,
  deaths: 0,
  refutations: 0,
  conflicts: 0,
  syncs: 0,
  syncsFailed: 0,
  stalls: 0,
  ignored: 0,
  roundTripMs: 0,
  roundTrips: 0,
};

function selfOf({ name, addr, port, meta, protocolVersion, delegate }: Settings, now: number): Member {
  return {
    ...newMember(name, { addr, port, meta, changedAt: now }),
    state: "alive",
    incarnation: 1,
    protocol: { ...PROTOCOL_VERSIONS, current: protocolVersion },
    delegate,
  };
}

/** A state with this node as its only member; `now` is in monotonic milliseconds. */
export function emptyState(settings: Settings, { random, now }: { random: Random; now: number }): MembershipState {
  const members = new MemberTable(random);
  const self = selfOf(settings, now);
  members.add(self);
  return {
    settings,
    random,
    members,
    self,
    timers: new TimerQueue(),
    broadcasts: new BroadcastQueue(),
    userBroadcasts: new BroadcastQueue(MAX_USER_BROADCASTS),
    suspicions: new Map(),
    relays: new Map(),
    exchanges: new Map(),
    lost: new Map(),
    counters: { ...NO_COUNTS },
    probe: undefined,
    probeWaits: false,
    seqNo: 0,
    nextExchange: 0,
    epoch: 0,
    score: 0,
    leaving: false,
    leaveTold: false,
    packetOverhead: settings.packetOverhead,
    now,
    effects: [],
  };
}
