import { crc32 } from "node:zlib";
import { MESSAGE_TYPE } from "./message-type.ts";

/** How far into a packet its first field's name begins: types, a compound's count and lengths come before it. */
const LOOKED_AT = 600;
/** The type's byte and 4 of CRC-32. Source: memberlist v0.7.0, net.go, `rawSendMsgPacket`. */
const CHECKSUM_BYTES = 5;
/** One of these is in every message that a field of a record names. Source: memberlist v0.7.0, net.go. */
const FIELD_NAMES = ["SeqNo", "Incarnation", "Algo"].map((name) => Buffer.from(name));

/**
 * Whether a packet was never encrypted, so that its sender can be told so. A checksum that fits, or the name of a field
 * in the clear, is nothing that encryption brings by chance. (Its first byte alone does not tell: 0 and 1 are a ping and
 * an indirect ping, and the two versions of the encryption.)
 */
export function isPlainText(packet: Buffer): boolean {
  if (packet[0] === MESSAGE_TYPE.checksum && packet.length > CHECKSUM_BYTES)
    return crc32(packet.subarray(CHECKSUM_BYTES)) === packet.readUInt32BE(1);
  const head = packet.subarray(0, LOOKED_AT);
  return FIELD_NAMES.some((name) => head.includes(name));
}
