import { MAX_LABEL_BYTES } from "./limits.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { reject } from "./wire-error.ts";

/**
 * The first thing of a packet or stream, in the clear: type, length (1 byte), text. It keeps clusters apart that share
 * a network, and is authenticated where there is encryption. Source: memberlist v0.7.0, label.go.
 */
export function addLabel(message: Uint8Array, label: string): Uint8Array {
  const bytes = Buffer.from(label);
  if (bytes.length === 0) return message;
  if (bytes.length > MAX_LABEL_BYTES)
    throw new RangeError(`Cannot use the label ${label}: it is longer than ${MAX_LABEL_BYTES} bytes`);
  return Buffer.concat([Buffer.of(MESSAGE_TYPE.label, bytes.length), bytes, message]);
}

/** The message without its label. Another label than `label`, or one too many or few, is refused. */
export function removeLabel(buffer: Buffer, label: string): Buffer {
  const wanted = Buffer.from(label);
  if (buffer[0] !== MESSAGE_TYPE.label) {
    if (wanted.length > 0) reject("a message", "it carries no label", { reason: "OtherLabel" });
    return buffer;
  }
  const length = buffer[1] ?? 0;
  if (length === 0) reject("a label", "it is empty");
  if (buffer.length < 2 + length) reject("a label", "it ends too early");
  if (!buffer.subarray(2, 2 + length).equals(wanted)) {
    reject("a message", "it carries another label", { reason: "OtherLabel" });
  }
  return buffer.subarray(2 + length);
}

export function labelOverhead(label: string): number {
  const bytes = Buffer.byteLength(label);
  return bytes === 0 ? 0 : 2 + bytes;
}
