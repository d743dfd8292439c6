import { MAX_FRAME_BYTES, MAX_TEXT_BYTES } from "./limits.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { recordCodec, textField, uintField } from "./record.ts";
import { reject } from "./wire-error.ts";

/** Messages that only streams carry, besides push/pulls. Records: memberlist v0.7.0, net.go. */

interface UserHeader {
  userMsgLen: number;
}

export const userHeaderCodec = recordCodec<UserHeader>("a user message's header", {
  userMsgLen: uintField(MAX_FRAME_BYTES),
});

/** What the other side could not do. */
export const errorCodec = recordCodec<{ error: string }>("an error", { error: textField(MAX_TEXT_BYTES) });

/** A user message over a stream has its length before it; in a packet it has not. */
export function encodeUserStream(payload: Uint8Array): Buffer {
  const writer = new MsgpackWriter(payload.length + 32);
  writer.byte(MESSAGE_TYPE.user);
  userHeaderCodec.write(writer, { userMsgLen: payload.length });
  writer.raw(payload);
  return writer.done();
}

/** What follows the type's byte. */
export function decodeUserStream(buffer: Buffer): Buffer {
  const reader = new MsgpackReader(buffer, "a user message");
  const { userMsgLen } = userHeaderCodec.read(reader);
  const end = reader.offset + userMsgLen;
  if (end > buffer.length) reject("a user message", "it ends too early");
  return Buffer.from(buffer.subarray(reader.offset, end));
}
