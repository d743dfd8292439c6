import { lzwCompress, lzwDecompress } from "./lzw.ts";
import { MAX_FRAME_BYTES } from "./limits.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { bytesField, recordCodec, uintField } from "./record.ts";
import { reject } from "./wire-error.ts";

/** The only algorithm. Source: memberlist v0.7.0, net.go, `lzwAlgo`. */
const LZW = 0;

const codec = recordCodec<{ algo: number; buf: Buffer }>("a compressed message", {
  algo: uintField(255),
  buf: { ...bytesField(MAX_FRAME_BYTES), read: (reader) => reader.bytes(MAX_FRAME_BYTES) },
});

/** A compressed message with its type's byte. */
export function compress(message: Uint8Array): Buffer {
  const buf = lzwCompress(message);
  const writer = new MsgpackWriter(buf.length + 32);
  writer.byte(MESSAGE_TYPE.compressed);
  codec.write(writer, { algo: LZW, buf });
  return writer.done();
}

/** Takes what follows the type's byte. */
export function decompress(buffer: Buffer, maxBytes: number): Buffer {
  const { algo, buf } = codec.read(new MsgpackReader(buffer, "a compressed message"));
  if (algo !== LZW) reject("a compressed message", `algorithm ${algo} is not known`, { reason: "OtherVersion" });
  return lzwDecompress(buf, maxBytes);
}
