import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { newKey, publicKeyInfo } from "./certificate.ts";
import { DerReader } from "./der-reader.ts";
import { makeSigningRequest, readSigningRequest } from "./signing-request.ts";

test("a request gives its key", () => {
  const key = newKey();
  const request = makeSigningRequest(key, "system:node:one");
  assert.deepEqual(publicKeyInfo(readSigningRequest(request, "system:node:one")), publicKeyInfo(key));
});

test("a request for another name, with another kind of key, or not signed by its key is refused", () => {
  const request = makeSigningRequest(newKey(), "one");
  assert.throws(() => readSigningRequest(request, "two"), /does not ask for the name "two"/);
  const changed = Buffer.from(request);
  changed[changed.length - 3] = (changed.at(-3) ?? 0) ^ 1;
  assert.throws(() => readSigningRequest(changed, "one"), /is not signed with its own key/);
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
  assert.throws(() => readSigningRequest(makeSigningRequest(p384, "one"), "one"), /not of ECDSA P-256/);
  assert.throws(() => readSigningRequest(Buffer.concat([request, Buffer.from([0])]), "one"), /something follows/);
  assert.throws(() => readSigningRequest(Buffer.alloc(2000, 0x30), "one"), /longer than 1024 bytes/);
});

test("forms of a length that are not DER are refused", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /ends where the tag 0x30 should stand/],
    ["30", /ends in a length/],
    ["3080", /form that is not DER/],
    ["3085000000000100", /form that is not DER/],
    ["308101ff", /not in its shortest form/],
    ["30820001ff", /not in its shortest form/],
    ["3003ffff", /longer than what holds it/],
    ["3084ffffffff00", /longer than what holds it/],
    ["3181", /tag 0x31 where 0x30/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => new DerReader(Buffer.from(bytes, "hex")).next(0x30), message, bytes);
  }
});

test("no bytes crash the reader of requests, and none but the true ones pass", () => {
  const request = makeSigningRequest(newKey(), "one");
  const change = fc.tuple(fc.nat(request.length - 1), fc.integer({ min: 1, max: 255 }));
  const changed = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const bytes = Buffer.from(request);
    for (const [at, by] of changes) bytes[at] = (bytes[at] ?? 0) ^ by;
    return bytes;
  });
  const cut = fc.nat(request.length - 1).map((length) => request.subarray(0, length));
  const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(changed, cut, any), (bytes) => {
      if (bytes.equals(request)) return;
      assert.throws(() => readSigningRequest(bytes, "one"), /^(DerError|Error): Cannot (read|sign) the /);
    }),
    { numRuns: 2000 },
  );
});
