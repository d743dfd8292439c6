import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameReader } from "./exec-stream.ts";

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

test("frames are found however the stream is cut", () => {
  const bytes = Buffer.concat([frame(1, "hello"), frame(2, ""), frame(2, "wörld")]);
  for (let size = 1; size <= bytes.length; size += 1) {
    const reader = new FrameReader();
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      for (const { stream, payload } of reader.push(bytes.subarray(at, at + size)))
        found.push(`${stream}:${payload.toString()}`);
    }
    assert.deepEqual(found, ["1:hello", "2:", "2:wörld"]);
  }
});
