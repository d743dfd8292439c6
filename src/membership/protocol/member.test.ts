import assert from "node:assert/strict";
import { test } from "node:test";
import { addressBytes, hostOf } from "./member.ts";

const addresses: readonly [text: string, hex: string, back: string][] = [
  ["10.0.0.200", "0a0000c8", "10.0.0.200"],
  ["::1", "00000000000000000000000000000001", "0:0:0:0:0:0:0:1"],
  ["fd00:1::2:3", "fd000001000000000000000000020003", "fd00:1:0:0:0:0:2:3"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008", "1:2:3:4:5:6:7:8"],
  ["fe80::", "fe800000000000000000000000000000", "fe80:0:0:0:0:0:0:0"],
  ["::ffff:10.1.2.3", "00000000000000000000ffff0a010203", "10.1.2.3"],
];
for (const [text, hex, back] of addresses) {
  test(`${text} becomes bytes and text again`, () => {
    assert.equal(addressBytes(text).toString("hex"), hex);
    assert.equal(hostOf(addressBytes(text)), back);
  });
}

test("what is no address is refused", () => {
  for (const text of ["", "host", "1.2.3", "fe80::1%eth0", ":::"])
    assert.throws(() => addressBytes(text), /not an IP/u);
  assert.equal(hostOf(Buffer.alloc(5)), undefined);
});
