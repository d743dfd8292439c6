import type { PacketMessage } from "../wire/packet.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import { UNDERSTOOD_FROM } from "../wire/message-type.ts";
import { startExchange, syncWith } from "./exchanging.ts";
import { type SuspicionBounds, suspicionTime, suspicionTimeout } from "./formulas.ts";
import type { ExchangeFailure } from "./inputs.ts";
import type { Member } from "./member.ts";
import type { MembershipState } from "./membership-state.ts";
import { nextSeqNo, ownSource } from "./sending.ts";

/**
 * A suspect's time to refute. It is long while only one node suspects and shrinks with every other one that does
 * (Lifeguard; memberlist v0.7.0, suspicion.go).
 *
 * Not in Go: just before it is over, the suspect is asked once more over TCP. If it answers it cannot be dead, and if
 * its host answers in its place its agent is being restarted: both put its death off.
 */
export interface Suspicion {
  readonly startedAt: number;
  readonly bounds: SuspicionBounds;
  readonly confirmers: Set<string>;
  confirmations: number;
  direct: boolean;
  agentDown: boolean;
  /** The last time that the suspect itself, or its host, answered over TCP. */
  answeredAt: number;
  hostAnsweredAt: number;
  endsAt: number;
  /** Timers of another epoch have lost their meaning. */
  epoch: number;
}

/** What this node found out by itself. */
export interface Evidence {
  readonly direct: boolean;
  readonly agentDown: boolean;
}

export function startSuspicion(
  state: MembershipState,
  member: Member,
  { from, evidence }: { from: string; evidence: Evidence },
): void {
  const { suspicionMult, suspicionMaxMult, probeIntervalMs } = state.settings;
  const nodes = state.members.size;
  // Without this many others to confirm, none are waited for. Source: state.go, `suspectNode`.
  const wanted = nodes - 2 < suspicionMult - 2 ? 0 : suspicionMult - 2;
  const min = suspicionTimeout(suspicionMult, nodes, probeIntervalMs);
  const suspicion: Suspicion = {
    startedAt: state.now,
    bounds: { wanted, min, max: min * suspicionMaxMult },
    confirmers: new Set([from]),
    confirmations: 0,
    ...evidence,
    answeredAt: Number.NEGATIVE_INFINITY,
    hostAnsweredAt: evidence.agentDown ? state.now : Number.NEGATIVE_INFINITY,
    endsAt: state.now,
    epoch: state.epoch,
  };
  state.suspicions.set(member.name, suspicion);
  state.counters.suspicions += 1;
  armEnd(state, member.name, state.now + suspicionTime(0, suspicion.bounds));
}

/** Whether this is one more that counts. */
export function confirmSuspicion(state: MembershipState, name: string, from: string): boolean {
  const suspicion = state.suspicions.get(name);
  if (!suspicion || suspicion.confirmations >= suspicion.bounds.wanted || suspicion.confirmers.has(from)) return false;
  suspicion.confirmers.add(from);
  suspicion.confirmations += 1;
  armEnd(state, name, suspicion.startedAt + suspicionTime(suspicion.confirmations, suspicion.bounds));
  return true;
}

/** Whether it says something new. */
export function addEvidence(state: MembershipState, name: string, { direct, agentDown }: Evidence): boolean {
  const suspicion = state.suspicions.get(name);
  if (!suspicion) return false;
  if (agentDown) suspicion.hostAnsweredAt = state.now;
  const news = (direct && !suspicion.direct) || (agentDown && !suspicion.agentDown);
  suspicion.direct ||= direct;
  suspicion.agentDown ||= agentDown;
  return news;
}

/** How long before its end a suspect is asked over TCP, in tries of half a probe's timeout. */
const CHECK_TRIES = 10;
/** So many at least, also when confirmations bring the end near. */
const LEAST_TRIES = 5;

/** Connections for such checks at once, about. */
const MOST_CHECKS = 128;
/** A try begins every half of the time that each may take. */
const TRIES_PER_TIMEOUT = 2;

function tryMs(state: MembershipState): number {
  return state.settings.probeTimeoutMs / TRIES_PER_TIMEOUT;
}

/** The checks begin so early that one of them gets through even where many packets are lost. */
function armEnd(state: MembershipState, name: string, endsAt: number): void {
  const suspicion = state.suspicions.get(name) as Suspicion;
  state.epoch += 1;
  suspicion.epoch = state.epoch;
  suspicion.endsAt = Math.max(endsAt, state.now + LEAST_TRIES * tryMs(state));
  const { epoch } = suspicion;
  const checkAt = Math.max(state.now, suspicion.endsAt - CHECK_TRIES * tryMs(state));
  state.timers.add(checkAt, { kind: "suspicion-check", name, epoch });
  state.timers.add(suspicion.endsAt, { kind: "suspicion-end", name, epoch });
}

function current(state: MembershipState, name: string, epoch: number): Suspicion | undefined {
  const suspicion = state.suspicions.get(name);
  return suspicion?.epoch === epoch ? suspicion : undefined;
}

/** Asks the suspect over TCP whether it is alive, unless it or its host has just answered. */
export function checkSuspect(state: MembershipState, name: string, epoch: number): void {
  const suspicion = current(state, name, epoch);
  const member = state.members.get(name);
  const { disableTcpPings } = state.settings;
  if (!suspicion || !member || disableTcpPings || member.protocol.max < UNDERSTOOD_FROM.streamPing) return;
  // The end comes first where both are due.
  if (state.now + tryMs(state) < suspicion.endsAt)
    state.timers.add(state.now + tryMs(state), { kind: "suspicion-check", name, epoch });
  // Half a cluster that is out of reach must not take all sockets: then each suspect gets a few tries only.
  const share = MOST_CHECKS / (TRIES_PER_TIMEOUT * state.suspicions.size);
  if (share < 1 && state.random.next() >= share) return;
  const answered = Math.max(suspicion.answeredAt, suspicion.hostAnsweredAt);
  if (answered >= state.now - state.settings.probeIntervalMs) return;
  const seqNo = nextSeqNo(state);
  const ping: PacketMessage = { kind: "ping", ping: { seqNo, node: name, ...ownSource(state) } };
  startExchange(state, {
    to: member.endpoint,
    body: encodeMessage(ping),
    timeoutMs: state.settings.probeTimeoutMs,
    purpose: { kind: "last-check", name, seqNo, startedAt: suspicion.startedAt },
  });
}

/** What the check brought; whether that is news. */
export function noteCheck(
  state: MembershipState,
  { name, startedAt }: { name: string; startedAt: number },
  result: "answered" | ExchangeFailure,
): boolean {
  const suspicion = state.suspicions.get(name);
  if (suspicion?.startedAt !== startedAt) return false;
  if (result === "answered") suspicion.answeredAt = state.now;
  return addEvidence(state, name, { direct: false, agentDown: result === "refused" || result === "silent" });
}

/** The suspect's time is over: true when it is dead, false when it gets more. */
export function endSuspicion(state: MembershipState, name: string, epoch: number): boolean {
  const suspicion = current(state, name, epoch);
  const member = state.members.get(name);
  if (!suspicion || !member || member.state !== "suspect") return false;
  const { probeIntervalMs, agentRestartMs } = state.settings;
  const recent = state.now - CHECK_TRIES * tryMs(state);
  if (suspicion.answeredAt >= recent) {
    // It lives, and has not heard that it is suspected: a push/pull tells it.
    syncWith(state, member.endpoint, { join: false });
    armEnd(state, name, state.now + probeIntervalMs);
    return false;
  }
  const graceEnds = suspicion.startedAt + agentRestartMs;
  if (suspicion.hostAnsweredAt < recent || state.now >= graceEnds) return true;
  armEnd(state, name, Math.min(graceEnds, state.now + probeIntervalMs));
  return false;
}
