import { encodeMessage } from "../wire/encode-message.ts";
import { UNDERSTOOD_FROM } from "../wire/message-type.ts";
import type { PacketMessage } from "../wire/packet.ts";
import type { Ack, IndirectPing, Nack, Ping } from "../wire/probe-messages.ts";
import { EMPTY } from "../wire/msgpack-reader.ts";
import { changeScore, scaledByScore } from "./awareness.ts";
import { noteLost, startExchange } from "./exchanging.ts";
import type { ExchangeFailure } from "./inputs.ts";
import { type Endpoint, hostOf, isGone } from "./member.ts";
import { report } from "./member-view.ts";
import type { MembershipState, Probe } from "./membership-state.ts";
import { hearSuspect } from "./rumours.ts";
import { nextSeqNo, ownSource, sendMessage, sendParts } from "./sending.ts";

/** Failure detection: one probe at a time, in a round over all. Source: memberlist v0.7.0, state.go, `probeNode`. */

export function probeNext(state: MembershipState): void {
  if (state.leaving) return;
  if (state.probe) {
    state.probeWaits = true;
    return;
  }
  const { probeIntervalMs, probeTimeoutMs, gossipToTheDeadMs } = state.settings;
  const round = { self: state.self.name, goneBefore: state.now - gossipToTheDeadMs };
  const member = state.members.nextToProbe(round, (gone) => {
    noteLost(state, gone);
    report(state, { kind: "forgotten", name: gone.name });
  });
  if (!member) return;
  const endsAt = state.now + scaledByScore(state, probeIntervalMs);
  const seqNo = nextSeqNo(state);
  state.probe = {
    seqNo,
    member,
    incarnation: member.incarnation,
    sentAt: state.now,
    endsAt,
    nacksWanted: 0,
    nacks: 0,
    streamAnswered: false,
    hostAnswered: false,
  };
  state.counters.probes += 1;
  state.timers.add(state.now + probeTimeoutMs, { kind: "probe-timeout", seqNo });
  state.timers.add(endsAt, { kind: "probe-end", seqNo });
  const ping = probePing(state, state.probe);
  if (member.state === "alive") return sendMessage(state, member, ping);
  // A suspect hears at once that it is one, so that it can refute.
  const suspect = { node: member.name, incarnation: member.incarnation, from: state.self.name };
  sendParts(state, member, [encodeMessage(ping), encodeMessage({ kind: "suspect", suspect })]);
}

function probePing(state: MembershipState, { seqNo, member }: Probe): PacketMessage {
  return { kind: "ping", ping: { seqNo, node: member.name, ...ownSource(state) } };
}

/** No direct answer in time: others are asked to try, and TCP is tried. */
export function probeIndirectly(state: MembershipState, seqNo: number): void {
  const { probe, settings, self } = state;
  if (probe?.seqNo !== seqNo) return;
  const { member } = probe;
  const helpers = state.members.pick(
    settings.indirectChecks,
    (one) => one !== self && one !== member && one.state === "alive",
  );
  for (const helper of helpers) {
    const nack = helper.protocol.max >= UNDERSTOOD_FROM.nack;
    if (nack) probe.nacksWanted += 1;
    const indirectPing: IndirectPing = {
      seqNo,
      target: member.addr,
      port: member.port,
      node: member.name,
      nack,
      ...ownSource(state),
    };
    sendMessage(state, helper, { kind: "indirect-ping", indirectPing });
  }
  if (settings.disableTcpPings || member.protocol.max < UNDERSTOOD_FROM.streamPing) return;
  startExchange(state, {
    to: member.endpoint,
    body: encodeMessage(probePing(state, probe)),
    timeoutMs: Math.max(1, probe.endsAt - state.now),
    purpose: { kind: "probe", seqNo },
  });
}

export function noteStreamProbe(state: MembershipState, seqNo: number, result: "answered" | ExchangeFailure): void {
  const { probe } = state;
  if (probe?.seqNo !== seqNo) return;
  if (result === "answered") probe.streamAnswered = true;
  else if (result === "refused" || result === "silent") probe.hostAnswered = true;
}

/** The probe's time is over without an answer by UDP. */
export function endProbe(state: MembershipState, seqNo: number): void {
  const { probe } = state;
  if (probe?.seqNo !== seqNo) return;
  state.probe = undefined;
  if (probe.streamAnswered) {
    state.counters.probesAnsweredByStreamOnly += 1;
    changeScore(state, -1);
  } else {
    state.counters.probesFailed += 1;
    // Missing nacks mean that this node does not hear others either.
    changeScore(state, probe.nacksWanted > 0 ? probe.nacksWanted - probe.nacks : 1);
    const suspect = { node: probe.member.name, incarnation: probe.incarnation, from: state.self.name };
    hearSuspect(state, suspect, { direct: true, agentDown: probe.hostAnswered });
  }
  probeAgain(state);
}

function probeAgain(state: MembershipState): void {
  if (!state.probeWaits) return;
  state.probeWaits = false;
  probeNext(state);
}

export function hearAck(state: MembershipState, { seqNo }: Ack): void {
  const { probe } = state;
  if (probe?.seqNo === seqNo) {
    state.probe = undefined;
    state.counters.roundTrips += 1;
    state.counters.roundTripMs += state.now - probe.sentAt;
    changeScore(state, -1);
    probeAgain(state);
    return;
  }
  const relay = state.relays.get(seqNo);
  if (!relay) return;
  state.relays.delete(seqNo);
  const ack: Ack = { seqNo: relay.seqNo, payload: EMPTY };
  sendMessage(state, { endpoint: relay.to, name: relay.toName }, { kind: "ack", ack });
}

export function hearNack(state: MembershipState, { seqNo }: Nack): void {
  const { probe } = state;
  if (probe?.seqNo === seqNo && probe.nacks < probe.nacksWanted) probe.nacks += 1;
}

interface Source {
  readonly sourceAddr: Buffer;
  readonly sourcePort: number;
}

function replyEndpoint({ sourceAddr, sourcePort }: Source, from: Endpoint): Endpoint {
  const host = hostOf(sourceAddr);
  return host !== undefined && sourcePort > 0 ? { host, port: sourcePort } : from;
}

export function hearPing(state: MembershipState, ping: Ping, from: Endpoint): void {
  if (ping.node !== "" && ping.node !== state.self.name) return ignore(state);
  const to = { endpoint: replyEndpoint(ping, from), name: ping.sourceNode };
  sendMessage(state, to, { kind: "ack", ack: { seqNo: ping.seqNo, payload: EMPTY } });
  const asker = state.members.get(ping.sourceNode);
  if (!asker || !isGone(asker)) return;
  // It lives and has not heard that it is taken for dead, or has left and is back: told so, it refutes now, and not after
  // the next push/pull. Who is just leaving does not.
  const dead = { node: asker.name, incarnation: asker.incarnation, from: state.self.name };
  sendParts(state, asker, [encodeMessage({ kind: "dead", dead })]);
}

/** More relays than this at once are not for probes. */
const MAX_RELAYS = 4096;

/** Probes for somebody else, and tells it the result under its own number. */
export function hearIndirectPing(state: MembershipState, asked: IndirectPing, from: Endpoint): void {
  const host = hostOf(asked.target);
  if (host === undefined || state.relays.size >= MAX_RELAYS) return ignore(state);
  const { settings } = state;
  const port = settings.protocolVersion < UNDERSTOOD_FROM.ports || asked.port === 0 ? settings.port : asked.port;
  const seqNo = nextSeqNo(state);
  const to = replyEndpoint(asked, from);
  state.relays.set(seqNo, { seqNo: asked.seqNo, to, toName: asked.sourceNode, nack: asked.nack });
  state.timers.add(state.now + settings.probeTimeoutMs, { kind: "relay-end", seqNo });
  const ping: Ping = { seqNo, node: asked.node, ...ownSource(state) };
  sendMessage(state, { endpoint: { host, port }, name: asked.node }, { kind: "ping", ping });
}

export function endRelay(state: MembershipState, seqNo: number): void {
  const relay = state.relays.get(seqNo);
  if (!relay) return;
  state.relays.delete(seqNo);
  const to = { endpoint: relay.to, name: relay.toName };
  if (relay.nack) sendMessage(state, to, { kind: "nack", nack: { seqNo: relay.seqNo } });
}

function ignore(state: MembershipState): void {
  state.counters.ignored += 1;
}
