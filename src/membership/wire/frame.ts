import { compress, decompress } from "./compression.ts";
import { decrypt, encrypt, encryptedLength, encryptionVersionOf } from "./encryption.ts";
import { addLabel, removeLabel } from "./label.ts";
import { MAX_DECOMPRESSED_FRAME_BYTES } from "./limits.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { type Ack, ackCodec, type Ping, pingCodec } from "./probe-messages.ts";
import { decodePushPull, type PushPull } from "./push-pull.ts";
import type { SealOptions } from "./seal-options.ts";
import { decodeUserStream, errorCodec } from "./stream-messages.ts";
import { reject, WireError } from "./wire-error.ts";

/** What a stream carries: one of these each way. */
export type FrameMessage =
  | { readonly kind: "ping"; readonly ping: Ping }
  | { readonly kind: "ack"; readonly ack: Ack }
  | { readonly kind: "push-pull"; readonly pushPull: PushPull }
  | { readonly kind: "user"; readonly payload: Buffer }
  | { readonly kind: "error"; readonly error: string };

/** Characters of somebody's unproved words. */
const MOST_SHOWN = 200;

/** The head of an encrypted frame: type and length of what follows (4 bytes). It is authenticated with the label. */
const ENCRYPTED_HEAD = 5;

/**
 * Only whoever opened a stream says its label; it is authenticated in both directions.
 * Source: memberlist v0.7.0, label.go, `AddLabelHeaderToStream`, which only dialling calls.
 */
export type Direction = "request" | "reply";

/**
 * A message for a stream: compressed, encrypted, label; from the inside out.
 * Source: memberlist v0.7.0, net.go, `rawSendMsgStream`, `encryptLocalState`.
 */
export function sealFrame(message: Buffer, options: SealOptions, direction: Direction = "request"): Uint8Array {
  const { keyring, label, compression, protocolVersion, verifyOutgoing, nonce } = options;
  let frame = compression ? compress(message) : message;
  if (keyring.primary && verifyOutgoing) {
    const version = encryptionVersionOf(protocolVersion);
    const head = Buffer.allocUnsafe(ENCRYPTED_HEAD);
    head[0] = MESSAGE_TYPE.encrypted;
    head.writeUInt32BE(encryptedLength(version, frame.length), 1);
    const data = Buffer.concat([head, Buffer.from(label)]);
    frame = Buffer.concat([head, encrypt(frame, { version, key: keyring.primary, data, ...(nonce ? { nonce } : {}) })]);
  }
  return direction === "request" ? addLabel(frame, label) : frame;
}

function refusePlainText(): never {
  return reject("a frame", "it is not encrypted, but a gossip key is set", { reason: "PlainText" });
}

/** One whole frame, as FrameScanner cuts it out of a stream. Throws WireError. */
export function openFrame(frame: Buffer, options: SealOptions, direction: Direction = "request"): FrameMessage {
  const { keyring, label, verifyIncoming } = options;
  const mustEncrypt = keyring.primary !== undefined && verifyIncoming;
  // Whoever neither labels nor encrypts is told of the latter, which is what it lacks more.
  if (mustEncrypt && frame[0] !== MESSAGE_TYPE.label && frame[0] !== MESSAGE_TYPE.encrypted) refusePlainText();
  let message = direction === "request" ? removeLabel(frame, label) : frame;
  if (message[0] === MESSAGE_TYPE.encrypted) {
    if (!keyring.primary) reject("a frame", "it is encrypted, but no gossip key is set", { reason: "WrongKey" });
    const data = Buffer.concat([message.subarray(0, ENCRYPTED_HEAD), Buffer.from(label)]);
    message = decrypt(message.subarray(ENCRYPTED_HEAD), keyring.keys, data);
  } else if (mustEncrypt) refusePlainText();
  if (message[0] === MESSAGE_TYPE.compressed) message = decompress(message.subarray(1), MAX_DECOMPRESSED_FRAME_BYTES);
  const body = message.subarray(1);
  switch (message[0]) {
    case MESSAGE_TYPE.ping:
      return { kind: "ping", ping: pingCodec.decode(body) };
    case MESSAGE_TYPE.ack:
      return { kind: "ack", ack: ackCodec.decode(body) };
    case MESSAGE_TYPE.pushPull:
      return { kind: "push-pull", pushPull: decodePushPull(body) };
    case MESSAGE_TYPE.user:
      return { kind: "user", payload: decodeUserStream(body) };
    case MESSAGE_TYPE.error:
      return { kind: "error", error: errorCodec.decode(body).error };
    case undefined:
      return reject("a frame", "it is empty");
    default:
      return reject("a frame", `messages of type ${message[0]} are not known`, { reason: "OtherVersion" });
  }
}

/**
 * The answer to a frame that cannot be read, so that the other side knows why. In the clear, because the two may have no
 * key in common; memberlist v0.7.0 (net.go, `handleConn`) encrypts its own, where it has a key.
 */
export function refusalFrame(error: WireError): Buffer {
  return errorCodec.encode(MESSAGE_TYPE.error, { error: error.message });
}

/** What such an answer says. Nothing proves who wrote it: good for a log only. */
export function refusalOf(reply: Buffer): string | undefined {
  if (reply[0] !== MESSAGE_TYPE.error) return undefined;
  try {
    return errorCodec.decode(reply.subarray(1)).error.slice(0, MOST_SHOWN);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}
