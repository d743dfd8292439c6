import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import { AddressBook } from "./address-book.ts";
import { AddressFile } from "./address-file.ts";
import { parseRange } from "./ipv4-range.ts";

let directory: string;
let now: number;
const clock: Clock = { ...systemClock, now: () => now };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "podman-swarm-addresses-"));
  now = 1_000_000;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = (): string => join(directory, "pods.json");
const open = (cidr = "10.62.0.0/29"): Promise<AddressBook> =>
  AddressBook.open(
    { clock, file: new AddressFile(path()) },
    { range: parseRange(cidr), reserved: ["10.62.0.1"], coolDownMs: 60_000 },
  );

test("a pod keeps its address, also after a restart", async () => {
  const book = await open();
  const ip = await book.take("a");
  assert.equal(await book.take("a"), ip);
  assert.equal(await (await open()).take("a"), ip);
});

test("an address is on disk before it is given", async () => {
  const book = await open();
  const given = await Promise.all(["a", "b", "c"].map((uid) => book.take(uid)));
  const { taken } = JSON.parse(readFileSync(path(), "utf8")) as { taken: Record<string, string> };
  assert.deepEqual(Object.values(taken).toSorted(), given.toSorted());
});

test("an address that was given back rests for a while, unless it is the only one", async () => {
  const book = await open();
  assert.equal(await book.take("a"), "10.62.0.2");
  await book.release("a");
  await book.release("a");
  assert.equal(await book.take("b"), "10.62.0.3");
  now += 60_000;
  assert.equal(await book.take("c"), "10.62.0.2");
  for (const uid of ["d", "e", "f"]) await book.take(uid);
  await assert.rejects(book.take("g"), /all 5 of 10\.62\.0\.0\/29 are taken/);
  await book.release("e");
  assert.equal(await book.take("g"), "10.62.0.5");
});

test("after a change of the range, pods get new addresses", async () => {
  await (await open()).take("a");
  assert.match(await (await open("10.63.0.0/24")).take("a"), /^10\.63\.0\./);
});

test("a damaged file is refused and kept", async () => {
  writeFileSync(path(), '{"taken":');
  await assert.rejects(open(), /damaged/);
  assert.equal(readFileSync(path(), "utf8"), '{"taken":');
});

test("what is no table of addresses is refused", async () => {
  const broken = [
    "",
    "null",
    "[]",
    '{"taken":null,"released":null}',
    '{"taken":{"a":1},"released":{}}',
    '{"taken":[],"released":{"a":"b"}}',
  ];
  for (const text of broken) {
    writeFileSync(path(), text);
    await assert.rejects(open(), /it is damaged; remove it after stopping all pods/, text);
  }
  rmSync(path());
});

test("no two pods ever share an address, whatever happens in which order", async () => {
  const step = fc.record({ uid: fc.integer({ min: 0, max: 9 }), release: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      rmSync(path(), { force: true });
      const book = await open();
      await Promise.allSettled(
        steps.map(({ uid, release }) => (release ? book.release(`${uid}`) : book.take(`${uid}`))),
      );
      const addresses = book.uids().map((uid) => book.get(uid));
      assert.equal(new Set(addresses).size, addresses.length);
      const reopened = await open();
      assert.deepEqual(new Set(reopened.uids()), new Set(book.uids()));
    }),
    { numRuns: 30 },
  );
});
