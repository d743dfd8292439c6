import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isReason } from "../../api/api-error.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { pod, podKey } from "../store.contract.ts";
import type { Change } from "../disk/disk.ts";
import { MemoryDisk } from "../disk/memory-disk.ts";
import { ObjectStore } from "../object-store.ts";
import { SqliteDatabase } from "../disk/sqlite-database.ts";

/** A disk whose commits end when the test says so. */
class HeldDisk extends MemoryDisk {
  readonly commits: { names: string[]; sync(): void; fail(error: Error): void }[] = [];

  override async commit(changes: readonly Change[] = []): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.commits.push({ names: changes.map(({ key }) => key.name), sync: resolve, fail: reject });
    });
  }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function open(): { disk: HeldDisk; store: ObjectStore; told: string[] } {
  const disk = new HeldDisk(7);
  const store = new ObjectStore({
    disk,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    replica: "one",
  });
  const told: string[] = [];
  store.watch("pods", undefined, ({ entry }) => told.push(`watch ${entry.key.name}`), new AbortController().signal);
  return { disk, store, told };
}

test("nothing is acknowledged, read or watched before its sync, and all of a group at once after it", async () => {
  const { disk, store, told } = open();
  const write = async (name: string): Promise<void> => {
    await store.create(podKey(name), pod(name));
    told.push(`ack ${name}`);
  };
  const writes = [write("a"), write("b")];
  await turn();
  writes.push(write("c"), write("d"));
  await turn();
  assert.deepEqual(
    disk.commits.map(({ names }) => names),
    [["a", "b"]],
  );
  assert.deepEqual([told, store.list("pods").entries.length], [[], 0]);
  disk.commits[0]?.sync();
  await turn();
  assert.deepEqual(
    disk.commits.map(({ names }) => names),
    [
      ["a", "b"],
      ["c", "d"],
    ],
  );
  assert.deepEqual(told, ["watch a", "watch b", "ack a", "ack b"]);
  assert.equal(store.list("pods").entries.length, 2);
  disk.commits[1]?.sync();
  await Promise.all(writes);
});

test("a failed sync acknowledges nothing, reads go on, and the next write works", async () => {
  const { disk, store, told } = open();
  const failing = Promise.allSettled([store.create(podKey("a"), pod("a")), store.create(podKey("b"), pod("b"))]);
  await turn();
  disk.commits[0]?.fail(new Error("disk I/O error"));
  for (const result of await failing)
    assert.ok(result.status === "rejected" && isReason(result.reason, "ServiceUnavailable"));
  assert.deepEqual([told, store.list("pods").entries.length], [[], 0]);
  const again = store.create(podKey("a"), pod("a"));
  await turn();
  disk.commits[1]?.sync();
  await again;
  assert.deepEqual(told, ["watch a"]);
});

test("events are acknowledged from memory while the disk hangs, and a list of pods does not get ahead of it", async () => {
  const { disk, store } = open();
  const before = store.resourceVersion;
  const held = store.create(podKey("a"), pod("a"));
  const event = await store.create({ resource: "events", namespace: "default", name: "e" }, pod("e"));
  assert.ok(BigInt(store.list("pods").resourceVersion) < BigInt(event.resourceVersion));
  assert.equal(store.list("events").resourceVersion, event.resourceVersion);
  const names: string[] = [];
  store.watch(
    "pods",
    store.list("pods").resourceVersion,
    ({ entry }) => names.push(entry.key.name),
    new AbortController().signal,
  );
  assert.ok(BigInt(store.resourceVersion) >= BigInt(before));
  await turn();
  disk.commits[0]?.sync();
  await held;
  assert.deepEqual(names, ["a"]);
});

test("the database syncs each commit: WAL with synchronous FULL", async () => {
  const directory = await mkdtemp(join(tmpdir(), "store-sync-"));
  const file = join(directory, "state.db");
  const database = new SqliteDatabase({ file, lockFile: "", incarnation: 1, logEvents: 10, logBytes: 1000 });
  // sqlite.org/pragma.html: in WAL mode FULL (2) adds a sync of the WAL after each transaction.
  assert.deepEqual(database.durability(), { journal: "wal", synchronous: 2 });
  database.close();
  await rm(directory, { recursive: true });
});
