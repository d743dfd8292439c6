import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import { eventually } from "../../test/poll.ts";
import { pod, podKey, testStore } from "./store.contract.ts";
import type { ObjectStore } from "./object-store.ts";
import { Claims } from "./claims/claims.ts";
import { spawnModule } from "./failures/spawn-module.ts";
import { writingChild } from "./failures/writing-child.ts";
import { SimulatedClock } from "./simulation/simulated-clock.ts";
import { openMemoryStore } from "./open-memory-store.ts";
import { openStore, type OpenStoreOptions } from "./open-store.ts";
import type { StoreEvent } from "./port.ts";

const root = await mkdtemp(join(tmpdir(), "store-"));
after(() => rm(root, { recursive: true }));
let directories = 0;
const newDirectory = (): string => join(root, String((directories += 1)));

const open = (dataDir: string, options?: OpenStoreOptions): Promise<ObjectStore> => {
  const deps = { dataDir, nodeName: "one", clock: systemClock, random: systemRandom, logger: silentLogger };
  return openStore(deps, options);
};

testStore("sqlite", {
  open: async (options) => {
    const store = await open(newDirectory(), options);
    return { store, close: () => store.close() };
  },
});

const follow = (store: ObjectStore, since: string): StoreEvent[] => {
  const events: StoreEvent[] = [];
  store.watch("pods", since, (event) => events.push(event), new AbortController().signal);
  return events;
};

test("everything is there after a restart, under the same versions", async () => {
  const dataDir = newDirectory();
  const first = await open(dataDir);
  await first.create(podKey("a"), pod("a", { status: { phase: "Pending" } }));
  await first.update(podKey("a"), pod("a", { spec: { nodeName: "one", x: 1 } }), { register: "main" });
  await first.update(podKey("a"), pod("a", { status: { phase: "Running" } }), { register: "status" });
  await first.create(podKey("gone"), pod("gone"), { cause: ["x"] });
  const gone = await first.delete(podKey("gone"));
  await first.create({ resource: "events", namespace: "default", name: "e" }, pod("e"));
  const before = [first.list("pods"), first.list("events")].map(({ entries }) => entries.map(({ object }) => object));
  await first.close();

  const second = await open(dataDir);
  const after = [second.list("pods"), second.list("events")].map(({ entries }) => entries.map(({ object }) => object));
  assert.deepEqual(after, before);
  assert.ok(BigInt(second.resourceVersion) >= BigInt(first.resourceVersion));
  assert.notEqual((await second.create(podKey("gone"), pod("gone"), { cause: ["x"] })).uid, gone.uid);
  assert.equal((await stat(join(dataDir, "state.db"))).mode & 0o777, 0o600);
  await second.close();
});

test("a watch survives a restart, and goes on from memory where the log on disk ends", async () => {
  const dataDir = newDirectory();
  const first = await open(dataDir, { logLength: 2 });
  const start = first.resourceVersion;
  await first.create(podKey("a"), pod("a"));
  await first.update(podKey("a"), pod("a", { spec: { x: 1 } }), { register: "main" });
  for (let index = 0; index < 10; index += 1) await first.create(podKey(`b${index}`), pod("b"));
  const seen = follow(first, start);
  assert.equal(seen.length, 12);
  await first.close();

  const second = await open(dataDir, { logLength: 2 });
  await second.delete(podKey("a"));
  const replayed = follow(second, start);
  assert.deepEqual(
    replayed.slice(0, 12).map(({ type, entry }) => [type, entry.object, entry.json().toString()]),
    seen.map(({ type, entry }) => [type, entry.object, entry.json().toString()]),
  );
  assert.equal(replayed[1]?.previous, replayed[0]?.entry);
  assert.deepEqual([replayed[12]?.type, replayed[12]?.entry.key.name], ["DELETED", "a"]);
  await second.close();
});

test("a watch survives a restart also while events wait for the disk; one that needs these is refused until then", async () => {
  const dataDir = newDirectory();
  const first = await open(dataDir);
  const start = first.resourceVersion;
  await first.create(podKey("a"), pod("a"));
  await first.close();

  // Nothing waits shorter than the test wants.
  const due: (() => void)[] = [];
  const clock = { ...systemClock, timer: (_ms: number, callback: () => void) => (due.push(callback), () => {}) };
  const deps = { dataDir, nodeName: "one", clock, random: systemRandom, logger: silentLogger };
  const second = await openStore(deps, { logLength: 2 });
  const event = (name: string) => ({ resource: "events", namespace: "default", name });
  try {
    await second.create(event("e0"), pod("e0"));
    assert.deepEqual(
      follow(second, start).map(({ entry }) => entry.key.name),
      ["a"],
    );
    for (let index = 1; index < 4; index += 1) await second.create(event(`e${index}`), pod("e"));
    const watchEvents = (): void => second.watch("events", start, () => {}, new AbortController().signal);
    assert.throws(watchEvents, /too old resource version/);
    assert.equal(follow(second, start).length, 1);
    await eventually(() => {
      for (const callback of due.splice(0)) callback();
      watchEvents();
      return true;
    });
  } finally {
    await second.close();
  }
});

test("a watch from before the bounded log on disk is refused with Expired", async () => {
  const store = await open(newDirectory(), { logLength: 1, logEvents: 20 });
  const start = store.resourceVersion;
  for (let index = 0; index < 300; index += 1) await store.create(podKey(`p${index}`), pod(`p${index}`));
  assert.throws(() => follow(store, start), /too old resource version/);
  await store.close();
});

test("a second agent on the same data directory is refused, and the first goes on", async () => {
  const dataDir = newDirectory();
  const first = await open(dataDir);
  const refused = new RegExp(
    `Cannot open the data directory ${dataDir}: another agent \\(process ${process.pid}\\) uses it`,
  );
  await assert.rejects(open(dataDir), refused);
  await first.create(podKey("a"), pod("a"));
  await first.close();
  await (await open(dataDir)).close();
});

test("an agent of another process is refused too, and its kill frees the directory", async () => {
  const dataDir = newDirectory();
  const child = spawnModule(writingChild, [dataDir]);
  await once(child.stdout, "data");
  await assert.rejects(open(dataDir), new RegExp(`another agent \\(process ${child.pid}\\) uses it`));
  child.kill("SIGKILL");
  await once(child, "exit");
  const store = await open(dataDir);
  assert.ok(store.list("configmaps").entries.length <= 8);
  await store.close();
});

test("a clock that has gone back between two starts makes no version and no stamp twice", async () => {
  const dataDir = newDirectory();
  const clock = new SimulatedClock(Date.UTC(2026, 5, 1));
  const deps = { dataDir, nodeName: "one", clock, random: systemRandom, logger: silentLogger };
  let last = 0n;
  for (const jump of [0, -86_400_000, 3_600_000, -40_000_000_000, 100_000_000_000]) {
    clock.ms += jump;
    const store = await openStore(deps);
    const entry = store.get(podKey("a"))
      ? await store.update(podKey("a"), pod("a", { spec: { jump } }), { register: "main" })
      : await store.create(podKey("a"), pod("a"));
    assert.ok(BigInt(entry.resourceVersion) > last);
    last = BigInt(entry.resourceVersion);
    await store.close();
  }
  const store = await openStore(deps);
  assert.deepEqual(store.get(podKey("a"))?.object["spec"], { jump: 100_000_000_000 });
  await store.close();
});

test("a claim is there after a restart", async () => {
  const dataDir = newDirectory();
  const first = await open(dataDir);
  await new Claims({ store: first }).claim("node-port", "30080", "service-uid");
  await first.close();
  const second = await open(dataDir);
  assert.equal(new Claims({ store: second }).holder("node-port", "30080"), "service-uid");
  await second.close();
});

test("who wrote what, and after what, is there after a restart", async () => {
  const [dataDir, elsewhere] = [newDirectory(), openMemoryStore({ replica: "two" })];
  const first = await open(dataDir);
  await first.create(podKey("a"), pod("a", { spec: { x: 0 } }));
  await elsewhere.apply([...first.states()]);
  await first.update(podKey("a"), pod("a", { spec: { x: 1 } }), { register: "main" });
  await elsewhere.update(podKey("a"), pod("a", { spec: { x: 2 } }), { register: "main" });
  await first.create(podKey("b"), pod("b"));
  await first.create(podKey("c"), pod("c"));
  await elsewhere.apply([...first.states("pods")].filter(({ key }) => key.name === "b"));
  await elsewhere.update(podKey("b"), pod("b", { spec: { x: 2 } }), { register: "main" });
  const told: string[] = [];
  first.onDiscarded(({ key, by }) => void told.push(`${key.name} of ${by}`), new AbortController().signal);
  await first.apply([...elsewhere.states()]);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /^a of (one|two)$/);
  await first.delete(podKey("b"));
  const before = [...first.states()];
  assert.deepEqual(
    before.map(({ seen }) => Object.keys(seen ?? {}).toSorted()),
    [["one", "two"], ["one", "two"], []],
  );
  await first.close();
  const second = await open(dataDir);
  assert.deepEqual(JSON.parse(JSON.stringify([...second.states()])), JSON.parse(JSON.stringify(before)));
  await second.close();
});
