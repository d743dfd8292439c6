import { MAX_COMPOUND_PARTS } from "../wire/compound.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import { UNDERSTOOD_FROM } from "../wire/message-type.ts";
import type { PacketMessage } from "../wire/packet.ts";
import { retransmitLimit } from "./formulas.ts";
import type { Endpoint } from "./member.ts";
import type { MembershipState } from "./membership-state.ts";

/** A compound's type and count; each part's length. */
const COMPOUND_HEAD = 2;
const PART_HEAD = 2;
const CHECKSUM = 5;

/** A packet of messages as they are. */
export function sendParts(
  state: MembershipState,
  to: { endpoint: Endpoint; name: string },
  parts: readonly Buffer[],
): void {
  const understands = state.members.get(to.name)?.protocol.max ?? 0;
  state.effects.push({
    kind: "packet",
    to: to.endpoint,
    parts,
    checksum: understands >= UNDERSTOOD_FROM.checksum,
  });
}

/** A packet of one message, filled up with rumours. */
export function sendMessage(
  state: MembershipState,
  to: { endpoint: Endpoint; name: string },
  message: PacketMessage,
): void {
  const part = encodeMessage(message);
  sendParts(state, to, [part, ...takeRumours(state, part.length + PART_HEAD, MAX_COMPOUND_PARTS - 1)]);
}

/** Rumours that fit into a packet in which `used` bytes are taken: those about members, then user messages. */
export function takeRumours(state: MembershipState, used = 0, count = MAX_COMPOUND_PARTS): Buffer[] {
  const { settings, broadcasts, userBroadcasts, members } = state;
  if (broadcasts.length === 0 && userBroadcasts.length === 0) return [];
  const limit = retransmitLimit(settings.retransmitMult, members.size);
  const room = settings.packetBytes - state.packetOverhead - COMPOUND_HEAD - CHECKSUM - used;
  const rumours = broadcasts.take(room, { overhead: PART_HEAD, limit, count });
  const left = room - rumours.reduce((sum, rumour) => sum + rumour.length + PART_HEAD, 0);
  const more = userBroadcasts.take(left, { overhead: PART_HEAD, limit, count: count - rumours.length });
  return [...rumours, ...more];
}

/** A rumour about a member; an older one about it is no longer told. */
export function tellRumour(state: MembershipState, name: string, message: PacketMessage): void {
  state.broadcasts.add(encodeMessage(message), name);
}

export function nextSeqNo(state: MembershipState): number {
  state.seqNo = (state.seqNo + 1) >>> 0;
  return state.seqNo;
}

/** Where this node's answers are to go. */
export function ownSource(state: MembershipState): { sourceAddr: Buffer; sourcePort: number; sourceNode: string } {
  const { addr, port, name } = state.self;
  return { sourceAddr: addr, sourcePort: port, sourceNode: name };
}
