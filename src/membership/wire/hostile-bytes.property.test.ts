import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzing } from "../../../test/membership/fuzz-seed.ts";
import { PLAIN_SEAL } from "../../../test/support/plain-seal.ts";
import { compress, decompress } from "./compression.ts";
import { encodeCompound } from "./compound.ts";
import { decrypt, encrypt } from "./encryption.ts";
import { openFrame, sealFrame } from "./frame.ts";
import { FrameScanner } from "./frame-scanner.ts";
import { Keyring } from "./keyring.ts";
import { MAX_DECOMPRESSED_PACKET_BYTES } from "./limits.ts";
import { lzwCompress, lzwDecompress } from "./lzw.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { openPacket, sealPacket } from "./packet.ts";
import { encodePushPull } from "./push-pull.ts";
import type { SealOptions } from "./seal-options.ts";
import { WireError } from "./wire-error.ts";

const open: SealOptions = { ...PLAIN_SEAL, compression: true };
const key = Buffer.alloc(32, 7);
const keyed: SealOptions = { ...open, keyring: new Keyring([key]), label: "blue" };

/** No reader of a few hundred bytes may take more of the processor's time; how long it waits for that is not its fault. */
const SOON_MICROSECONDS = 2_000_000;

/** Whatever the bytes are: an answer or a WireError, and soon. */
function survives(read: () => unknown): void {
  const began = process.cpuUsage();
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof WireError, error as Error);
  }
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < SOON_MICROSECONDS, "it took too long");
}

function readAll(bytes: Buffer): void {
  for (const options of [open, keyed]) {
    survives(() => openPacket(bytes, options));
    survives(() => openFrame(bytes, options));
  }
  survives(() => new FrameScanner().push(bytes));
  survives(() => decompress(bytes, 1 << 16));
  survives(() => lzwDecompress(bytes, 1 << 16));
  survives(() => new MsgpackReader(bytes, "bytes").skip());
  survives(() => decrypt(bytes, [key], Buffer.alloc(0)));
}

function goldenFrames(): Buffer[] {
  return ["messages", "packets", "streams", "compound"].flatMap((name) => {
    const file = new URL(`../../../test/membership/fixtures/${name}.json`, import.meta.url);
    return [...readFileSync(file, "utf8").matchAll(/"hex": "([0-9a-f]+)"/gu)].map(([, hex = ""]) =>
      Buffer.from(hex, "hex"),
    );
  });
}

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));

test("no bytes crash a reader", (t) => {
  fc.assert(
    fc.property(fc.nat(14), bytes, (type, rest) => readAll(Buffer.concat([Buffer.of(type), rest]))),
    fuzzing(t, 3000),
  );
});

test("no damaged frame of Go's crashes a reader", (t) => {
  const frames = goldenFrames();
  assert.ok(frames.length > 100);
  const damage = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...frames), damage, fc.nat(600), (frame, places, cut) => {
      const damaged = Buffer.from(frame.subarray(0, Math.max(1, frame.length - (cut % frame.length))));
      for (const [at, value] of places) damaged[at % damaged.length] = value;
      readAll(damaged);
    }),
    fuzzing(t, 3000),
  );
});

test("what is compressed comes back", (t) => {
  const repeated = fc.tuple(bytes, fc.nat(60)).map(([unit, times]) => Buffer.concat(Array(times).fill(unit)));
  fc.assert(
    fc.property(fc.oneof(bytes, repeated), (plain) => {
      assert.deepEqual(lzwDecompress(lzwCompress(plain), plain.length + 1), plain);
    }),
    fuzzing(t, 500),
  );
});

test("what is encrypted comes back, and nothing of it can be changed", (t) => {
  const how = fc.record({ message: bytes, data: bytes, version: fc.constantFrom<0 | 1>(0, 1), at: fc.nat() });
  fc.assert(
    fc.property(how, ({ message, data, version, at }) => {
      const sealed = encrypt(message, { version, key, data });
      assert.deepEqual(decrypt(sealed, [Buffer.alloc(16), key], data), message);
      sealed[at % sealed.length] = ~(sealed[at % sealed.length] ?? 0) & 0xff;
      assert.throws(() => decrypt(sealed, [key], data), WireError);
    }),
    fuzzing(t, 500),
  );
});

test("a small packet that would come to gigabytes is refused", () => {
  const bomb = compress(Buffer.alloc(MAX_DECOMPRESSED_PACKET_BYTES, MESSAGE_TYPE.user));
  const parts = Array.from({ length: 40 }, () => bomb);
  const { messages, refused } = openPacket(
    Buffer.from(sealPacket(parts, false, { ...open, compression: false })),
    open,
  );
  assert.deepEqual([messages.length, refused.length], [1, 39]);
});

test("messages nested without end are refused", () => {
  let nested: Buffer = Buffer.from([MESSAGE_TYPE.ping, 0x80]);
  for (let depth = 0; depth < 1000; depth += 1) nested = encodeCompound([nested]);
  const { messages, refused } = openPacket(nested, open);
  assert.deepEqual([messages.length, refused.length], [0, 1]);
});

const claims: readonly [string, number[]][] = [
  ["four gigabytes of text", [0xdb, 0xff, 0xff, 0xff, 0xff]],
  ["four thousand million of list entries", [0xdd, 0xff, 0xff, 0xff, 0xff]],
  ["four thousand million of fields", [0xdf, 0xff, 0xff, 0xff, 0xff]],
  ["lists nested without end", Array.from({ length: 10_000 }, () => 0x91)],
];
for (const [what, head] of claims) {
  test(`${what} cost no memory`, () => {
    const field = [0x81, 0xa1, 0x78, ...head];
    assert.throws(() => openFrame(Buffer.from([MESSAGE_TYPE.ping, ...field]), open), WireError);
    assert.throws(() => openFrame(Buffer.from([MESSAGE_TYPE.pushPull, ...field]), open), WireError);
    survives(() => new FrameScanner().push(Buffer.from([MESSAGE_TYPE.pushPull, ...field])));
  });
}

test("a frame is found however a stream is cut, and what follows it is left alone", (t) => {
  const nodes = Array.from({ length: 30 }, (_, index) => ({
    name: `node-${index}`,
    addr: Buffer.of(10, 0, 0, index),
    port: 7946,
    meta: Buffer.alloc(index),
    incarnation: index * 1000,
    state: "alive" as const,
    vsn: Buffer.of(1, 5, 2, 0, 0, 0),
  }));
  const frame = Buffer.from(
    sealFrame(encodePushPull({ join: true, nodes, userState: Buffer.alloc(500, 1) }), { ...open, compression: false }),
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 9 }), (sizes) => {
      const scanner = new FrameScanner();
      const stream = Buffer.concat([frame, Buffer.from("more")]);
      let found: Buffer | undefined;
      for (let at = 0, turn = 0; found === undefined && at < stream.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        found = scanner.push(stream.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(found, frame);
    }),
    fuzzing(t, 100),
  );
});
