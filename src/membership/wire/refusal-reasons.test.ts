import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN_SEAL } from "../../../test/support/plain-seal.ts";
import { encodeMessage } from "./encode-message.ts";
import { openFrame, refusalFrame, refusalOf, sealFrame } from "./frame.ts";
import { FrameScanner } from "./frame-scanner.ts";
import { Keyring } from "./keyring.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { EMPTY } from "./msgpack-reader.ts";
import { openPacket, sealPacket } from "./packet.ts";
import type { SealOptions } from "./seal-options.ts";
import { type RefusalReason, WireError } from "./wire-error.ts";

const own: SealOptions = {
  ...PLAIN_SEAL,
  keyring: new Keyring([Buffer.alloc(32, 1)]),
  label: "blue",
  compression: true,
};
const source = { sourceAddr: Buffer.of(10, 0, 0, 2), sourcePort: 7946, sourceNode: "n2" };
const ping = encodeMessage({ kind: "ping", ping: { seqNo: 1, node: "n1", ...source } });
const ack = encodeMessage({ kind: "ack", ack: { seqNo: 1, payload: EMPTY } });
const suspect = encodeMessage({ kind: "suspect", suspect: { node: "n1", incarnation: 1, from: "n2" } });

const senders: readonly [string, Partial<SealOptions>, RefusalReason][] = [
  ["with another key", { keyring: new Keyring([Buffer.alloc(32, 2)]) }, "WrongKey"],
  ["with a key of another length", { keyring: new Keyring([Buffer.alloc(16, 1)]) }, "WrongKey"],
  [
    "with another key, as protocol 1 encrypts",
    { keyring: new Keyring([Buffer.alloc(32, 2)]), protocolVersion: 1 },
    "WrongKey",
  ],
  ["without a key", { keyring: new Keyring() }, "PlainText"],
  ["without a key and uncompressed", { keyring: new Keyring(), compression: false }, "PlainText"],
  ["of another cluster", { label: "red" }, "OtherLabel"],
  ["that encrypts but has no label", { label: "" }, "OtherLabel"],
];

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return error.reason;
  }
  return "taken";
}

for (const [who, seal, reason] of senders) {
  test(`what a node ${who} sends is refused as ${reason}`, () => {
    const theirs = { ...own, ...seal };
    for (const parts of [[ping], [ack], [suspect], [ping, suspect, ack]])
      for (const checksum of [true, false])
        assert.equal(
          reasonOf(() => openPacket(Buffer.from(sealPacket(parts, checksum, theirs)), own)),
          reason,
        );
    assert.equal(
      reasonOf(() => openFrame(Buffer.from(sealFrame(ping, theirs)), own)),
      reason,
    );
  });
}

test("what has neither key nor label is refused for the key", () => {
  const bare = { ...own, keyring: new Keyring(), label: "" };
  assert.equal(
    reasonOf(() => openPacket(Buffer.from(sealPacket([ping, ack], true, bare)), own)),
    "PlainText",
  );
  assert.equal(
    reasonOf(() => openFrame(Buffer.from(sealFrame(ping, bare)), own)),
    "PlainText",
  );
});

test("bytes that mean nothing are malformed, and a message of a later version is called so", () => {
  const plain = { ...own, keyring: new Keyring(), label: "" };
  for (const length of [1, 5, 28, 29, 100, 1400])
    assert.equal(
      reasonOf(() => openPacket(Buffer.alloc(length, 0x99), { ...own, label: "" })),
      "Malformed",
    );
  const [refused] = openPacket(Buffer.of(99, 0x80), plain).refused;
  assert.equal(refused?.reason, "OtherVersion");
  const [broken] = openPacket(Buffer.of(MESSAGE_TYPE.alive, 0x99), plain).refused;
  assert.equal(broken?.reason, "Malformed");
  const algorithm = Buffer.from([
    MESSAGE_TYPE.compressed,
    0x82,
    0xa4,
    ...Buffer.from("Algo"),
    7,
    0xa3,
    ...Buffer.from("Buf"),
    0xa0,
  ]);
  assert.equal(openPacket(algorithm, plain).refused[0]?.reason, "OtherVersion");
});

test("an encrypted stream where no key is set is a matter of keys", () => {
  const frame = Buffer.from(sealFrame(ping, own));
  assert.equal(
    reasonOf(() => openFrame(frame, { ...own, keyring: new Keyring() })),
    "WrongKey",
  );
});

test("a refusal travels as a frame that anyone can read, and only that is one", () => {
  const frame = refusalFrame(new WireError("Cannot read a frame: no installed key fits", { reason: "WrongKey" }));
  assert.deepEqual(new FrameScanner().push(frame), frame);
  assert.equal(refusalOf(frame), "Cannot read a frame: no installed key fits");
  assert.equal(refusalOf(ack), undefined);
  assert.equal(refusalOf(Buffer.of(MESSAGE_TYPE.error, 0x99)), undefined);
  assert.equal(refusalOf(refusalFrame(new WireError("x".repeat(1000))))?.length, 200);
});
