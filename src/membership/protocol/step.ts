import type { Random } from "../../lib/random.ts";
import { MAX_META_BYTES } from "../wire/limits.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import { MESSAGE_TYPE } from "../wire/message-type.ts";
import type { PacketMessage } from "../wire/packet.ts";
import { EMPTY } from "../wire/msgpack-reader.ts";
import { encodeUserStream, errorCodec } from "../wire/stream-messages.ts";
import { changeScore } from "./awareness.ts";
import type { Effect } from "./effects.ts";
import { lookForLost, ownState, syncWith, syncWithAny } from "./exchanging.ts";
import { pushPullInterval } from "./formulas.ts";
import { gossip } from "./gossiping.ts";
import type { ExchangeFailure, Input } from "./inputs.ts";
import type { Endpoint } from "./member.ts";
import { report, viewOf } from "./member-view.ts";
import { mergeNodes } from "./merging.ts";
import { emptyState, type MembershipState } from "./membership-state.ts";
import { endProbe, endRelay, hearAck, hearIndirectPing, hearNack, hearPing } from "./probing.ts";
import { noteStreamProbe, probeIndirectly, probeNext } from "./probing.ts";
import { hearAlive, hearDead, forceLeave, hearSuspect, leave, ownAlive } from "./rumours.ts";
import { sendParts, tellRumour } from "./sending.ts";
import type { Settings } from "./settings.ts";
import { checkSuspect, endSuspicion, noteCheck } from "./suspicion.ts";
import type { Due } from "./timer-queue.ts";

export interface Step {
  readonly state: MembershipState;
  readonly effects: readonly Effect[];
}

/** A node on its own, ready to be stepped. */
export function startMembership(settings: Settings, { random, now }: { random: Random; now: number }): MembershipState {
  const state = emptyState(settings, { random, now });
  tellRumour(state, settings.name, { kind: "alive", alive: ownAlive(state) });
  // At different times on different nodes, so that a cluster that started at once does not beat as one.
  const { timers } = state;
  timers.add(now + random.next() * settings.probeIntervalMs, { kind: "probe-tick" });
  timers.add(now + random.next() * settings.gossipIntervalMs, { kind: "gossip-tick" });
  timers.add(now + (1 + random.next()) * settings.pushPullIntervalMs, { kind: "push-pull-tick" });
  return state;
}

/** When the next step is due even if nothing happens, in monotonic milliseconds. */
export function nextWake(state: MembershipState): number {
  return state.timers.next;
}

/**
 * What a node does when something happens at `now` (monotonic milliseconds): all its decisions, without any input or
 * output. The state is changed in place and returned; given the same state, random source and input, so are the
 * effects.
 */
export function step(state: MembershipState, input: Input, now: number): Step {
  state.effects = [];
  noticeStall(state, now);
  state.now = Math.max(state.now, now);
  handle(state, input);
  for (let timer = state.timers.take(state.now); timer; timer = state.timers.take(state.now))
    runTimer(state, timer.due, timer.at);
  return { state, effects: state.effects };
}

/**
 * A node that stood still has not read the answers that came meanwhile: what it waits for gets the lost time back, so
 * that it does not take others for dead.
 */
function noticeStall(state: MembershipState, now: number): void {
  const late = now - state.timers.next;
  if (late < state.settings.stallMs) return;
  state.counters.stalls += 1;
  state.timers.postpone(late);
  changeScore(state, 1);
  report(state, { kind: "stalled", ms: Math.round(late) });
}

function runTimer(state: MembershipState, due: Due, at: number): void {
  const { settings, timers, now } = state;
  /** Ticks that were missed are left out. */
  const again = (intervalMs: number): void => timers.add(Math.max(at + intervalMs, now), due);
  switch (due.kind) {
    case "probe-tick":
      again(settings.probeIntervalMs);
      return probeNext(state);
    case "gossip-tick":
      again(settings.gossipIntervalMs);
      return gossip(state);
    case "push-pull-tick":
      again(pushPullInterval(settings.pushPullIntervalMs, state.members.size));
      if (state.leaving) return;
      syncWithAny(state);
      return lookForLost(state);
    case "probe-timeout":
      return probeIndirectly(state, due.seqNo);
    case "probe-end":
      return endProbe(state, due.seqNo);
    case "relay-end":
      return endRelay(state, due.seqNo);
    case "suspicion-check":
      return checkSuspect(state, due.name, due.epoch);
    case "suspicion-end":
      if (endSuspicion(state, due.name, due.epoch)) declareDead(state, due.name);
  }
}

function declareDead(state: MembershipState, name: string): void {
  const incarnation = state.members.get(name)?.incarnation ?? 0;
  hearDead(state, { node: name, incarnation, from: state.self.name });
}

function handle(state: MembershipState, input: Input): void {
  switch (input.kind) {
    case "time":
      return;
    case "message":
      return hearMessage(state, input.message, input.from);
    case "request":
      return answerRequest(state, input);
    case "exchanged":
      return finishExchange(state, input);
    case "exchange-failed":
      return failExchange(state, input);
    case "join":
      return syncWith(state, input.to, { join: true, outcome: input.id });
    case "leave":
      return leave(state);
    case "force-leave":
      return forceLeave(state, input.name);
    case "meta":
      return changeMeta(state, input.meta);
    case "broadcast":
      state.userBroadcasts.add(encodeMessage({ kind: "user", payload: input.payload }));
      return;
    case "user":
      return sendUser(state, input);
    case "packet-overhead":
      state.packetOverhead = input.bytes;
  }
}

function hearMessage(state: MembershipState, message: PacketMessage, from: Endpoint): void {
  switch (message.kind) {
    case "ping":
      return hearPing(state, message.ping, from);
    case "indirect-ping":
      return hearIndirectPing(state, message.indirectPing, from);
    case "ack":
      return hearAck(state, message.ack);
    case "nack":
      return hearNack(state, message.nack);
    case "suspect":
      return hearSuspect(state, message.suspect);
    case "alive":
      return hearAlive(state, message.alive);
    case "dead":
      return hearDead(state, message.dead);
    case "user":
      return report(state, { kind: "user", payload: message.payload });
  }
}

function answerRequest(state: MembershipState, { message }: Extract<Input, { kind: "request" }>): void {
  const reply = (body: Buffer, refused?: string): void =>
    void state.effects.push({ kind: "reply", body, ...(refused === undefined ? {} : { refused }) });
  switch (message.kind) {
    case "ping":
      if (message.ping.node !== "" && message.ping.node !== state.self.name) {
        state.counters.ignored += 1;
        return;
      }
      return reply(encodeMessage({ kind: "ack", ack: { seqNo: message.ping.seqNo, payload: EMPTY } }));
    case "push-pull": {
      // What was known before the merge goes out, as Go does: the other one knows the rest itself.
      const own = ownState(state, message.pushPull.join);
      const refusal = mergeNodes(state, message.pushPull);
      return refusal === undefined
        ? reply(own)
        : reply(errorCodec.encode(MESSAGE_TYPE.error, { error: refusal }), refusal);
    }
    case "user":
      return report(state, { kind: "user", payload: message.payload });
    case "ack":
    case "error":
      state.counters.ignored += 1;
  }
}

function finishExchange(state: MembershipState, { id, reply }: Extract<Input, { kind: "exchanged" }>): void {
  const purpose = state.exchanges.get(id);
  if (!purpose) return;
  if (purpose.kind === "sync") {
    state.exchanges.delete(id);
    let error: string | undefined = `it answered with ${reply.kind}`;
    if (reply.kind === "push-pull") error = mergeNodes(state, reply.pushPull);
    else if (reply.kind === "error") error = reply.error;
    return endSync(state, purpose.outcome, error);
  }
  if (reply.kind !== "ack" || reply.ack.seqNo !== purpose.seqNo) {
    return failExchange(state, { kind: "exchange-failed", id, failure: "broken", why: "another answer" });
  }
  noteExchange(state, id, "answered");
}

function failExchange(state: MembershipState, { id, failure, why }: Extract<Input, { kind: "exchange-failed" }>): void {
  const purpose = state.exchanges.get(id);
  if (purpose?.kind !== "sync") return noteExchange(state, id, failure);
  state.exchanges.delete(id);
  endSync(state, purpose.outcome, why);
}

function noteExchange(state: MembershipState, id: number, result: "answered" | ExchangeFailure): void {
  const purpose = state.exchanges.get(id);
  state.exchanges.delete(id);
  if (purpose?.kind === "probe") noteStreamProbe(state, purpose.seqNo, result);
  if (purpose?.kind !== "last-check" || !noteCheck(state, purpose, result)) return;
  const member = state.members.get(purpose.name);
  if (member) report(state, { kind: "suspected", member: viewOf(state, member) });
}

function endSync(state: MembershipState, outcome: number | undefined, error: string | undefined): void {
  if (error !== undefined) state.counters.syncsFailed += 1;
  if (outcome !== undefined)
    state.effects.push({ kind: "outcome", id: outcome, ...(error === undefined ? {} : { error }) });
}

function changeMeta(state: MembershipState, meta: Buffer): void {
  if (meta.length > MAX_META_BYTES)
    throw new RangeError(`Cannot tell ${meta.length} bytes of metadata: at most ${MAX_META_BYTES} fit`);
  if (state.leaving || meta.equals(state.self.meta)) return;
  state.self.meta = meta;
  state.self.incarnation = Math.min(state.self.incarnation + 1, 0xffffffff);
  tellRumour(state, state.self.name, { kind: "alive", alive: ownAlive(state) });
  report(state, { kind: "updated", member: viewOf(state, state.self) });
}

/** Longer messages than this go over a stream, whatever was asked. */
const MAX_USER_PACKET = 1200;

function sendUser(state: MembershipState, { to, payload, reliable }: Extract<Input, { kind: "user" }>): void {
  const member = state.members.get(to);
  if (!member) throw new Error(`Cannot send a message to ${to}: it is not a member`);
  if (reliable || payload.length > MAX_USER_PACKET)
    state.effects.push({ kind: "frame", to: member.endpoint, body: encodeUserStream(payload) });
  else sendParts(state, member, [encodeMessage({ kind: "user", payload })]);
}
