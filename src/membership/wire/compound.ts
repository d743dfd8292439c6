import { MESSAGE_TYPE } from "./message-type.ts";
import { reject } from "./wire-error.ts";

/**
 * Several messages in one packet: type, their number (1 byte), their lengths (2 bytes each, big endian), they
 * themselves. Source: memberlist v0.7.0, util.go, `makeCompoundMessage`.
 */
export const MAX_COMPOUND_PARTS = 255;

export function encodeCompound(parts: readonly Uint8Array[]): Buffer {
  if (parts.length > MAX_COMPOUND_PARTS)
    throw new RangeError(`Cannot join ${parts.length} messages: at most ${MAX_COMPOUND_PARTS} fit one packet`);
  const header = Buffer.allocUnsafe(2 + parts.length * 2);
  header[0] = MESSAGE_TYPE.compound;
  header[1] = parts.length;
  parts.forEach((part, index) => header.writeUInt16BE(part.length, 2 + index * 2));
  return Buffer.concat([header, ...parts]);
}

/** The parts that are there whole; `missing` says how many the packet lost. Takes what follows the type's byte. */
export function decodeCompound(buffer: Buffer): { parts: Buffer[]; missing: number } {
  const count = buffer[0];
  if (count === undefined) reject("a compound message", "it is empty");
  let offset = 1 + count * 2;
  if (buffer.length < offset) reject("a compound message", "it ends within its lengths");
  const parts: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const end = offset + buffer.readUInt16BE(1 + index * 2);
    if (end > buffer.length) break;
    parts.push(buffer.subarray(offset, end));
    offset = end;
  }
  return { parts, missing: count - parts.length };
}
