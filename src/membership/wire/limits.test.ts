import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN_SEAL } from "../../../test/support/plain-seal.ts";
import { encodeCompound } from "./compound.ts";
import { compress, decompress } from "./compression.ts";
import { encodeMessage } from "./encode-message.ts";
import { openFrame, sealFrame } from "./frame.ts";
import { FrameScanner } from "./frame-scanner.ts";
import { addLabel } from "./label.ts";
import * as limits from "./limits.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { openPacket, type PacketMessage } from "./packet.ts";
import { encodePushPull, pushPullHeaderCodec, type PushedNode } from "./push-pull.ts";
import { encodeUserStream, errorCodec, userHeaderCodec } from "./stream-messages.ts";
import { WireError } from "./wire-error.ts";

/** Every length that a peer can choose: the greatest is read, one more is refused. */
const open = PLAIN_SEAL;
const text = (length: number): string => "x".repeat(length);
const bytes = (length: number): Buffer => Buffer.alloc(length, 1);
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
const alive = { node: "n", incarnation: 1, addr: bytes(4), port: 1, meta: bytes(0), vsn };
const source = { sourceAddr: bytes(4), sourcePort: 1, sourceNode: "n" };
const ping = { seqNo: 1, node: "n", ...source };
const indirectPing = { ...ping, target: bytes(4), port: 1, nack: true };

function packetOf(message: PacketMessage): Buffer {
  return encodeMessage(message);
}

function readsPacket(packet: Buffer): boolean {
  return openPacket(packet, open).refused.length === 0;
}

function readsFrame(frame: Buffer): boolean {
  try {
    openFrame(frame, open);
    return true;
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return false;
  }
}

function scans(frame: Buffer): boolean {
  try {
    new FrameScanner().push(frame);
    return true;
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return false;
  }
}

const { MAX_NAME_BYTES, MAX_META_BYTES, MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES } = limits;
const packets: readonly [string, number, (length: number) => PacketMessage][] = [
  ["a name that lives", MAX_NAME_BYTES, (length) => ({ kind: "alive", alive: { ...alive, node: text(length) } })],
  ["metadata", MAX_META_BYTES, (length) => ({ kind: "alive", alive: { ...alive, meta: bytes(length) } })],
  ["an address", 16, (length) => ({ kind: "alive", alive: { ...alive, addr: bytes(length) } })],
  ["versions", 16, (length) => ({ kind: "alive", alive: { ...alive, vsn: bytes(length) } })],
  [
    "a name that is suspected",
    MAX_NAME_BYTES,
    (length) => ({ kind: "suspect", suspect: { node: text(length), incarnation: 1, from: "n" } }),
  ],
  [
    "a name that suspects",
    MAX_NAME_BYTES,
    (length) => ({ kind: "suspect", suspect: { node: "n", incarnation: 1, from: text(length) } }),
  ],
  [
    "a name that died",
    MAX_NAME_BYTES,
    (length) => ({ kind: "dead", dead: { node: text(length), incarnation: 1, from: "n" } }),
  ],
  ["a name that is probed", MAX_NAME_BYTES, (length) => ({ kind: "ping", ping: { ...ping, node: text(length) } })],
  ["a name that probes", MAX_NAME_BYTES, (length) => ({ kind: "ping", ping: { ...ping, sourceNode: text(length) } })],
  ["a prober's address", 16, (length) => ({ kind: "ping", ping: { ...ping, sourceAddr: bytes(length) } })],
  [
    "the address of an indirect probe",
    16,
    (length) => ({ kind: "indirect-ping", indirectPing: { ...indirectPing, target: bytes(length) } }),
  ],
  [
    "an acknowledgement's payload",
    MAX_PAYLOAD_BYTES,
    (length) => ({ kind: "ack", ack: { seqNo: 1, payload: bytes(length) } }),
  ],
];
for (const [what, limit, make] of packets) {
  test(`${what} may have ${limit} bytes and no more`, () => {
    assert.ok(readsPacket(packetOf(make(limit))));
    assert.ok(!readsPacket(packetOf(make(limit + 1))));
  });
}

test("a push/pull's names and metadata have the same limits, and an error's text its own", () => {
  const pushed = (fields: Partial<PushedNode>): Buffer => {
    const node = { ...alive, name: "n", state: "alive" as const, ...fields };
    return encodePushPull({ join: false, nodes: [node], userState: bytes(0) });
  };
  assert.ok(readsFrame(pushed({ name: text(MAX_NAME_BYTES), meta: bytes(MAX_META_BYTES) })));
  assert.ok(!readsFrame(pushed({ name: text(MAX_NAME_BYTES + 1) })));
  assert.ok(!readsFrame(pushed({ meta: bytes(MAX_META_BYTES + 1) })));
  const error = (length: number): Buffer => errorCodec.encode(MESSAGE_TYPE.error, { error: text(length) });
  assert.ok(readsFrame(error(MAX_TEXT_BYTES)));
  assert.ok(!readsFrame(error(MAX_TEXT_BYTES + 1)));
});

test("what a stream's header claims is refused before anything of it comes", () => {
  const pushPull = (header: { nodes: number; userStateLen: number }): Buffer =>
    pushPullHeaderCodec.encode(MESSAGE_TYPE.pushPull, { ...header, join: false });
  assert.ok(scans(pushPull({ nodes: limits.MAX_FRAME_NODES, userStateLen: limits.MAX_FRAME_BYTES })));
  assert.ok(!scans(pushPull({ nodes: limits.MAX_FRAME_NODES + 1, userStateLen: 0 })));
  assert.ok(!scans(pushPull({ nodes: 0, userStateLen: limits.MAX_FRAME_BYTES + 1 })));
  const user = (userMsgLen: number): Buffer => userHeaderCodec.encode(MESSAGE_TYPE.user, { userMsgLen });
  assert.ok(scans(user(limits.MAX_FRAME_BYTES)));
  assert.ok(!scans(user(limits.MAX_FRAME_BYTES + 1)));
  const encrypted = (length: number): Buffer => {
    const head = Buffer.alloc(5, MESSAGE_TYPE.encrypted);
    head.writeUInt32BE(length, 1);
    return head;
  };
  assert.ok(scans(encrypted(limits.MAX_FRAME_BYTES)));
  assert.ok(!scans(encrypted(limits.MAX_FRAME_BYTES + 1)));
});

test("a stream without end is refused at the frame's limit", () => {
  const scanner = new FrameScanner();
  const header = { nodes: limits.MAX_FRAME_NODES, userStateLen: 0, join: false };
  scanner.push(pushPullHeaderCodec.encode(MESSAGE_TYPE.pushPull, header));
  // Each of them is one node's record, as far as a scanner can tell.
  const list = Buffer.concat([Buffer.of(0xdc, 0xff, 0xff), Buffer.alloc(0xffff, 0xc0)]);
  let sent = 0;
  assert.throws(() => {
    for (; sent < 2 * limits.MAX_FRAME_BYTES; sent += list.length) assert.equal(scanner.push(list), undefined);
  }, WireError);
  assert.ok(sent > limits.MAX_FRAME_BYTES - list.length && scanner.buffered <= limits.MAX_FRAME_BYTES + 4096);
});

test("what is compressed may come to so many bytes and no more", () => {
  const packet = (length: number): Buffer => compress(Buffer.concat([Buffer.of(MESSAGE_TYPE.user), bytes(length - 1)]));
  assert.ok(readsPacket(packet(limits.MAX_DECOMPRESSED_PACKET_BYTES)));
  assert.ok(!readsPacket(packet(limits.MAX_DECOMPRESSED_PACKET_BYTES + 1)));
  assert.equal(decompress(compress(bytes(1000)).subarray(1), 1000).length, 1000);
  assert.throws(() => decompress(compress(bytes(1001)).subarray(1), 1000), /more than 1000/u);
  const frame = Buffer.from(
    sealFrame(encodeUserStream(bytes(limits.MAX_DECOMPRESSED_FRAME_BYTES + 1)), { ...open, compression: true }),
  );
  assert.ok(frame.length < 1024 * 1024 && !readsFrame(frame), "a small frame that comes to more than a frame may");
});

test("a label has 255 bytes at most, a packet 255 parts, and records so many fields", () => {
  assert.doesNotThrow(() => addLabel(bytes(1), text(limits.MAX_LABEL_BYTES)));
  assert.throws(() => addLabel(bytes(1), text(limits.MAX_LABEL_BYTES + 1)), RangeError);
  assert.throws(() => encodeCompound(Array.from({ length: 256 }, () => bytes(1))), RangeError);
  const fields = (count: number): Buffer => {
    const one = [0xa1, 0x7a, 0x01];
    return Buffer.from([MESSAGE_TYPE.ping, 0xde, 0, count, ...Array.from({ length: count }, () => one).flat()]);
  };
  assert.ok(readsPacket(fields(limits.MAX_RECORD_FIELDS)));
  assert.ok(!readsPacket(fields(limits.MAX_RECORD_FIELDS + 1)));
});
