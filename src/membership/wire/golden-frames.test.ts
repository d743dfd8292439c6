import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PLAIN_SEAL } from "../../../test/support/plain-seal.ts";
import { decodeCompound, encodeCompound } from "./compound.ts";
import { compress, decompress } from "./compression.ts";
import { encodeMessage } from "./encode-message.ts";
import { openFrame, sealFrame } from "./frame.ts";
import { FrameScanner } from "./frame-scanner.ts";
import { Keyring } from "./keyring.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { openPacket, type PacketMessage, sealPacket } from "./packet.ts";
import { encodePushPull } from "./push-pull.ts";
import type { SealOptions } from "./seal-options.ts";
import { encodeUserStream, errorCodec } from "./stream-messages.ts";

/** Frames that the current Go library made; each file says how. */
function golden<Rows>(file: string): Rows {
  return JSON.parse(
    readFileSync(new URL(`../../../test/membership/fixtures/${file}`, import.meta.url), "utf8"),
  ) as Rows;
}

const hex = (text: string): Buffer => Buffer.from(text, "hex");
/** Go's random source was replaced by the bytes 0, 1, 2, ... */
const NONCE = Buffer.from(Array.from({ length: 12 }, (_, index) => index));

interface Sealed {
  name: string;
  protocol: number;
  label: string;
  key: string;
  compress: boolean;
  peerMax: number;
  hex: string;
  message: string;
}

function sealOptions({ protocol, label, key, compress: compression }: Sealed): SealOptions {
  const keyring = new Keyring(key === "" ? [] : [hex(key)]);
  const verify = { verifyIncoming: true, verifyOutgoing: true };
  return { keyring, label, compression, protocolVersion: protocol, ...verify, nonce: NONCE };
}

/** A message's fields with bytes in hex, without those that have no value. */
function shown(message: PacketMessage): object {
  const [, body] = Object.entries(message).find(([name]) => name !== "kind") as [string, Record<string, unknown>];
  return plain(body);
}

function plain(record: object): object {
  const entries = Object.entries(record).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? value.toString("hex") : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== "" && value !== 0 && value !== false));
}

const { messages } = golden<{ messages: { name: string; message: object; hex: string }[] }>("messages.json");
const options = PLAIN_SEAL;

for (const { name, message, hex: bytes } of messages.filter(({ name: one }) => one !== "error")) {
  test(`Go's message "${name}" is read and made again`, () => {
    const { messages: read, refused } = openPacket(hex(bytes), options);
    assert.deepEqual(refused, []);
    const [first] = read as [PacketMessage];
    assert.deepEqual(shown(first), plain(message));
    // An empty slice and one that was never set are one for us, and for Go's comparisons.
    const expected = name === "alive-empty-meta" ? bytes.replace("4d657461a0", "4d657461c0") : bytes;
    assert.equal(encodeMessage(first).toString("hex"), expected);
  });
}

test("Go's error is read and made again", () => {
  const error = messages.find(({ name }) => name === "error");
  const read = openFrame(hex(error?.hex ?? ""), options);
  assert.deepEqual(read, { kind: "error", ...error?.message });
  assert.equal(errorCodec.encode(MESSAGE_TYPE.error, error?.message as { error: string }).toString("hex"), error?.hex);
});

test("Go's compound message is read and made again", () => {
  const { compounds } = golden<{ compounds: { parts: string[]; hex: string }[] }>("compound.json");
  for (const { parts, hex: bytes } of compounds) {
    assert.equal(encodeCompound(parts.map(hex)).toString("hex"), bytes);
    assert.deepEqual(decodeCompound(hex(bytes).subarray(1)), { parts: parts.map(hex), missing: 0 });
  }
});

const { compressed } = golden<{ compressed: { name: string; plain: string; hex: string }[] }>("compressed.json");
for (const { name, plain: text, hex: bytes } of compressed) {
  test(`Go's compression of "${name}" is read and made again`, () => {
    assert.equal(decompress(hex(bytes).subarray(1), 1 << 20).toString("hex"), text);
    assert.equal(compress(hex(text)).toString("hex"), bytes);
  });
}

test("Go's packets of every protocol version, key, label, compression and checksum are read and made again", () => {
  const packets = ["packets.json", "packet-versions.json"].flatMap(
    (name) => golden<{ packets: Sealed[] }>(name).packets,
  );
  assert.ok(packets.length > 150);
  for (const packet of packets) {
    const seal = sealOptions(packet);
    const { parts } = decodeCompound(hex(packet.message).subarray(1));
    const what = JSON.stringify({ ...packet, hex: "", message: "" });
    assert.equal(
      Buffer.from(sealPacket(parts, packet.peerMax >= 5, seal)).toString("hex"),
      packet.hex,
      `sealing ${what}`,
    );
    const opened = openPacket(hex(packet.hex), seal);
    assert.deepEqual(opened.refused, []);
    assert.deepEqual(opened.messages.map(encodeMessage), parts, `opening ${what}`);
  }
});

test("Go's streams of every protocol version, key, label and compression are cut out, read and made again", () => {
  const { streams } = golden<{ streams: Sealed[] }>("streams.json");
  assert.ok(streams.length > 50);
  for (const stream of streams) {
    const seal = sealOptions(stream);
    const scanner = new FrameScanner();
    const bytes = hex(stream.hex);
    for (let index = 0; index < bytes.length - 1; index += 1)
      assert.equal(scanner.push(bytes.subarray(index, index + 1)), undefined, `byte ${index} of ${stream.name}`);
    const frame = scanner.push(bytes.subarray(-1));
    assert.deepEqual(frame, bytes);
    const direction = stream.name.endsWith("answer") ? "reply" : "request";
    const message = openFrame(bytes, seal, direction);
    assert.equal(message.kind, stream.name.split(" ")[0]);
    if (message.kind === "push-pull") {
      assert.deepEqual(
        message.pushPull.nodes.map(({ name, state, incarnation, port }) => ({ name, state, incarnation, port })),
        [
          { name: "one", state: "alive", incarnation: 1, port: 7946 },
          { name: "two", state: "alive", incarnation: 3, port: 7947 },
          { name: "three", state: "left", incarnation: 9, port: 7948 },
        ],
      );
      assert.equal(message.pushPull.userState.toString(), "user state of one");
      assert.equal(
        Buffer.from(sealFrame(encodePushPull(message.pushPull), seal, direction)).toString("hex"),
        stream.hex,
      );
    } else if (message.kind === "user") {
      assert.equal(message.payload.toString(), "a user message over a stream");
      assert.equal(Buffer.from(sealFrame(encodeUserStream(message.payload), seal)).toString("hex"), stream.hex);
    } else {
      assert.equal(Buffer.from(sealFrame(hex(stream.message), seal)).toString("hex"), stream.hex);
      // An answer is the same without the label, which stays authenticated.
      const answer = Buffer.from(sealFrame(hex(stream.message), seal, "reply"));
      assert.deepEqual(bytes.subarray(-answer.length), answer);
      assert.equal(bytes.length - answer.length, stream.label === "" ? 0 : 2 + stream.label.length);
      assert.deepEqual(openFrame(answer, seal, "reply"), message);
    }
  }
});
