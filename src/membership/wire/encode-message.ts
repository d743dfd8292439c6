import { MESSAGE_TYPE } from "./message-type.ts";
import type { PacketMessage } from "./packet.ts";
import { ackCodec, indirectPingCodec, nackCodec, pingCodec } from "./probe-messages.ts";
import { aliveCodec, deadCodec, suspectCodec } from "./rumour-messages.ts";

/** One message with its type's byte, ready to be a packet or a part of one. */
export function encodeMessage(message: PacketMessage): Buffer {
  switch (message.kind) {
    case "ping":
      return pingCodec.encode(MESSAGE_TYPE.ping, message.ping);
    case "indirect-ping":
      return indirectPingCodec.encode(MESSAGE_TYPE.indirectPing, message.indirectPing);
    case "ack":
      return ackCodec.encode(MESSAGE_TYPE.ack, message.ack);
    case "nack":
      return nackCodec.encode(MESSAGE_TYPE.nack, message.nack);
    case "suspect":
      return suspectCodec.encode(MESSAGE_TYPE.suspect, message.suspect);
    case "alive":
      return aliveCodec.encode(MESSAGE_TYPE.alive, message.alive);
    case "dead":
      return deadCodec.encode(MESSAGE_TYPE.dead, message.dead);
    case "user":
      return Buffer.concat([Buffer.of(MESSAGE_TYPE.user), message.payload]);
  }
}
