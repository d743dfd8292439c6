import { crc32 } from "node:zlib";
import { decodeCompound, encodeCompound } from "./compound.ts";
import { compress, decompress } from "./compression.ts";
import { decrypt, encrypt, encryptionVersionOf } from "./encryption.ts";
import { addLabel, removeLabel } from "./label.ts";
import { MAX_DECOMPRESSED_PACKET_BYTES, MAX_PACKET_NESTING } from "./limits.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { isPlainText } from "./plain-text.ts";
import { type Ack, ackCodec, type IndirectPing, indirectPingCodec } from "./probe-messages.ts";
import { type Nack, nackCodec, type Ping, pingCodec } from "./probe-messages.ts";
import { type Alive, aliveCodec, type Dead, deadCodec, type Suspect, suspectCodec } from "./rumour-messages.ts";
import type { SealOptions } from "./seal-options.ts";
import { reject, WireError } from "./wire-error.ts";

export type PacketMessage =
  | { readonly kind: "ping"; readonly ping: Ping }
  | { readonly kind: "indirect-ping"; readonly indirectPing: IndirectPing }
  | { readonly kind: "ack"; readonly ack: Ack }
  | { readonly kind: "nack"; readonly nack: Nack }
  | { readonly kind: "suspect"; readonly suspect: Suspect }
  | { readonly kind: "alive"; readonly alive: Alive }
  | { readonly kind: "dead"; readonly dead: Dead }
  | { readonly kind: "user"; readonly payload: Buffer };

/** Below this, the wrapping of a compressed message costs more than codes of 9 bits can save. */
const WORTH_COMPRESSING = 64;
const CHECKSUM_BYTES = 5;

/**
 * One packet of one or several messages: compound, compressed if that makes it smaller, checksum if the receiver
 * understands it, encrypted, label; from the inside out. Source: memberlist v0.7.0, net.go, `rawSendMsgPacket`.
 */
export function sealPacket(parts: readonly Buffer[], checksum: boolean, options: SealOptions): Uint8Array {
  const { keyring, label, compression, protocolVersion, verifyOutgoing, nonce } = options;
  let message: Uint8Array = parts.length === 1 && parts[0] ? parts[0] : encodeCompound(parts);
  if (compression && message.length >= WORTH_COMPRESSING) {
    const smaller = compress(message);
    if (smaller.length < message.length) message = smaller;
  }
  if (checksum) {
    const header = Buffer.allocUnsafe(CHECKSUM_BYTES);
    header[0] = MESSAGE_TYPE.checksum;
    header.writeUInt32BE(crc32(message), 1);
    message = Buffer.concat([header, message]);
  }
  if (keyring.primary && verifyOutgoing) {
    const version = encryptionVersionOf(protocolVersion);
    const how = { version, key: keyring.primary, data: Buffer.from(label), ...(nonce ? { nonce } : {}) };
    message = encrypt(message, how);
  }
  return addLabel(message, label);
}

export interface OpenedPacket {
  readonly messages: PacketMessage[];
  /** Why parts of it could not be read. The others are good. */
  readonly refused: WireError[];
}

/** Throws WireError when the whole packet is refused: another label, no key fits, a wrong checksum. */
export function openPacket(packet: Buffer, options: SealOptions): OpenedPacket {
  const { keyring, label, verifyIncoming } = options;
  // Whoever neither labels nor encrypts is told of the latter, which is what it lacks more.
  if (label !== "" && packet[0] !== MESSAGE_TYPE.label && keyring.primary && verifyIncoming) refusePlainText(packet);
  let message = removeLabel(packet, label);
  if (keyring.primary) {
    try {
      message = decrypt(message, keyring.keys, Buffer.from(label));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (verifyIncoming) {
        refusePlainText(message);
        throw error;
      }
    }
  }
  if (message.length >= CHECKSUM_BYTES && message[0] === MESSAGE_TYPE.checksum) {
    const body = message.subarray(CHECKSUM_BYTES);
    if (crc32(body) !== message.readUInt32BE(1)) reject("a packet", "its checksum is wrong");
    message = body;
  }
  const opened: OpenedPacket = { messages: [], refused: [] };
  unpack(message, opened, { bytes: MAX_DECOMPRESSED_PACKET_BYTES, depth: 0 });
  return opened;
}

function refusePlainText(message: Buffer): void {
  if (isPlainText(message)) reject("a packet", "it is not encrypted, but a gossip key is set", { reason: "PlainText" });
}

interface Budget {
  /** What the parts of one packet may still come to by decompression, together. */
  bytes: number;
  depth: number;
}

function unpack(message: Buffer, opened: OpenedPacket, budget: Budget): void {
  try {
    if (budget.depth > MAX_PACKET_NESTING) reject("a packet", `messages nested more than ${MAX_PACKET_NESTING} deep`);
    const body = message.subarray(1);
    if (message[0] === MESSAGE_TYPE.compound) {
      const { parts, missing } = decodeCompound(body);
      if (missing > 0) opened.refused.push(new WireError(`Cannot read a packet: it lost ${missing} messages`));
      budget.depth += 1;
      for (const part of parts) unpack(part, opened, budget);
      budget.depth -= 1;
    } else if (message[0] === MESSAGE_TYPE.compressed) {
      const plain = decompress(body, budget.bytes);
      budget.bytes -= plain.length;
      budget.depth += 1;
      unpack(plain, opened, budget);
      budget.depth -= 1;
    } else opened.messages.push(decodeMessage(message[0], body));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    opened.refused.push(error);
  }
}

function decodeMessage(type: number | undefined, body: Buffer): PacketMessage {
  if (type === undefined) reject("a packet", "it is empty");
  switch (type) {
    case MESSAGE_TYPE.ping:
      return { kind: "ping", ping: pingCodec.decode(body) };
    case MESSAGE_TYPE.indirectPing:
      return { kind: "indirect-ping", indirectPing: indirectPingCodec.decode(body) };
    case MESSAGE_TYPE.ack:
      return { kind: "ack", ack: ackCodec.decode(body) };
    case MESSAGE_TYPE.nack:
      return { kind: "nack", nack: nackCodec.decode(body) };
    case MESSAGE_TYPE.suspect:
      return { kind: "suspect", suspect: suspectCodec.decode(body) };
    case MESSAGE_TYPE.alive:
      return { kind: "alive", alive: aliveCodec.decode(body) };
    case MESSAGE_TYPE.dead:
      return { kind: "dead", dead: deadCodec.decode(body) };
    case MESSAGE_TYPE.user:
      return { kind: "user", payload: Buffer.from(body) };
    default:
      return reject("a packet", `messages of type ${type} are not known`, { reason: "OtherVersion" });
  }
}
