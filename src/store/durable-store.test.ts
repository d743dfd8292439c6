import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Clock, systemClock } from "../lib/clock.ts";
import { createLogger, type Logger, silentLogger } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import { backupName, backupTime, listBackups } from "./backup/backup-files.ts";
import type { DurableStore, DurableStoreOptions } from "./durable-store.ts";
import { openStore } from "./open-store.ts";
import { SimulatedClock } from "./simulation/simulated-clock.ts";
import { pod, podKey } from "./store.contract.ts";

const root = await mkdtemp(join(tmpdir(), "store-durable-"));
const opened: DurableStore[] = [];
after(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await rm(root, { recursive: true });
});
const HOUR_MS = 3_600_000;

async function open(
  { dataDir, clock = systemClock, logger = silentLogger }: { dataDir?: string; clock?: Clock; logger?: Logger } = {},
  options?: DurableStoreOptions,
): Promise<DurableStore> {
  const directory = dataDir ?? (await mkdtemp(join(root, "data-")));
  const deps = { dataDir: directory, nodeName: "one", clock, random: systemRandom, logger };
  const store = await openStore(deps, options);
  opened.push(store);
  return store;
}

const exported = (store: DurableStore): string => [...store.exportState()].join("");

test("an export has the sections of state.json, everything else under resources, and no events", async () => {
  const store = await open();
  assert.deepEqual(Object.keys(JSON.parse(exported(store)) as object).slice(4), [
    "deployments",
    "services",
    "ingresses",
    "pods",
    "resources",
  ]);
  await store.create(podKey("a"), pod("a"));
  await store.create(
    { resource: "namespaces", namespace: "", name: "n" },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } },
  );
  await store.create({ resource: "roles.rbac.authorization.k8s.io", namespace: "n", name: "r" }, pod("r"));
  await store.create({ resource: "events", namespace: "n", name: "e" }, pod("e"));
  const state = JSON.parse(exported(store)) as Record<string, Record<string, unknown>>;
  assert.deepEqual(state["pods"], { "default/a": store.get(podKey("a"))?.object });
  assert.deepEqual(Object.keys(state["resources"] ?? {}), ["namespaces", "roles.rbac.authorization.k8s.io"]);
  assert.deepEqual(Object.keys(state["resources"]?.["namespaces"] ?? {}), ["n"]);
  await store.close();
});

test("what is not backed up is in no export, and is taken from none", async () => {
  const lines: string[] = [];
  const logger = createLogger({ format: "json", write: (line) => lines.push(line) });
  const token = { resource: "tokens.example.org", namespace: "", name: "t" };
  const all = await open();
  await all.create(podKey("a"), pod("a"));
  await all.create(token, pod("t"));
  const text = exported(all);
  assert.match(text, /"tokens\.example\.org"/);

  const store = await open({ logger }, { isBackedUp: (resource) => resource !== token.resource });
  await store.restore(text);
  assert.ok(store.get(podKey("a")));
  assert.equal(store.get(token), undefined);
  assert.match(lines.join(""), /Not restored.*"tokens\.example\.org","objects":1/);
  await store.create(token, pod("t"));
  assert.doesNotMatch(exported(store), /tokens\.example\.org/);
});

test("a restore creates what is missing, updates what differs, and lets owners keep their dependants", async () => {
  const store = await open();
  const owner = await store.create(podKey("owner"), pod("owner"));
  const gone = await store.create(podKey("gone"), pod("gone"));
  const owned = {
    ...pod("owned"),
    metadata: {
      name: "owned",
      ownerReferences: [gone, owner].map(({ uid }) => ({ apiVersion: "v1", kind: "Pod", name: "x", uid })),
    },
  };
  await store.create(podKey("owned"), owned);
  const backup = exported(store);
  await store.delete(podKey("gone"));
  await store.delete(podKey("owned"));
  await store.update(podKey("owner"), pod("owner", { spec: { changed: true, nodeName: "one" } }), { register: "main" });
  await store.update(podKey("owner"), pod("owner", { status: { phase: "Running" } }), { register: "status" });
  await store.create(podKey("new"), pod("new"));
  assert.deepEqual(await store.restore(backup), { created: 2, updated: 1, unchanged: 0 });
  const restored = store.get(podKey("owner"))?.object;
  assert.deepEqual(
    [restored?.["spec"], restored?.["status"]],
    [{ ...(pod("owner")["spec"] as object), nodeName: "one" }, { phase: "Running" }],
  );
  assert.equal(restored?.metadata.uid, owner.uid);
  const successor = store.get(podKey("gone"))?.uid;
  assert.notEqual(successor, gone.uid);
  assert.deepEqual(
    store.get(podKey("owned"))?.object.metadata.ownerReferences?.map(({ uid }) => uid),
    [successor, owner.uid],
  );
  assert.ok(store.get(podKey("new")));
  assert.deepEqual(await store.restore(backup), { created: 0, updated: 0, unchanged: 3 });
  await store.close();
});

test("an older state.json is imported at start, each object completed by the caller", async () => {
  const dataDir = await mkdtemp(join(root, "data-"));
  const state = {
    deployments: { "prod/web": { metadata: { name: "web" }, spec: { replicas: 2 } } },
    services: [{ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "prod" } }],
    ingresses: null,
    lastSaved: "whenever",
  };
  await writeFile(join(dataDir, "state.json"), JSON.stringify(state));
  const deps = { dataDir, nodeName: "one", clock: systemClock, random: systemRandom, logger: silentLogger };
  const store = await openStore(deps, { prepareImport: (_, object) => ({ ...object, prepared: true }) });
  const web = store.get({ resource: "deployments.apps", namespace: "prod", name: "web" })?.object;
  assert.deepEqual(
    [web?.apiVersion, web?.kind, web?.["spec"], web?.["prepared"]],
    ["apps/v1", "Deployment", { replicas: 2 }, true],
  );
  assert.ok(store.get({ resource: "services", namespace: "prod", name: "web" }));
  await store.close();
});

test("backups are whole, private, named by time, and only the newest are kept", async () => {
  const clock = new SimulatedClock(Date.UTC(2026, 10, 21, 9, 8, 7));
  const store = await open({ clock }, { backupsKept: 2 });
  await store.create(podKey("a"), pod("a"));
  await store.backup();
  for (let hour = 0; hour < 3; hour += 1) {
    clock.ms += HOUR_MS;
    await store.backup();
  }
  assert.deepEqual(await readdir(store.backupDirectory), [
    "state-backup-20261121-110807.json",
    "state-backup-20261121-120807.json",
  ]);
  const newest = join(store.backupDirectory, "state-backup-20261121-120807.json");
  assert.equal((await stat(newest)).mode & 0o777, 0o600);
  assert.equal(await readFile(newest, "utf8"), exported(store));
  await store.close();
});

test("backup names and times are one another's inverse", () => {
  const ms = Date.UTC(2026, 1, 3, 4, 5, 6);
  assert.equal(backupName(ms), "state-backup-20260203-040506.json");
  assert.equal(backupTime(backupName(ms)), ms);
  assert.equal(backupTime("state-backup-x.json"), undefined);
});

/** Time that passes as soon as somebody sleeps. */
class FastClock extends SimulatedClock {
  slept = 0;

  override async sleep(ms = 0, signal?: AbortSignal): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    this.ms += ms;
    this.slept += ms;
  }
}

test("while it runs it backs up hourly where something changed, and ends when aborted", async () => {
  const clock = new FastClock(Date.UTC(2026, 0, 1));
  const store = await open({ clock });
  await store.create(podKey("a"), pod("a"));
  const stop = new AbortController();
  const run = store.run(stop.signal);
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    const deadline = systemClock.monotonic() + 60_000;
    while (!(await condition())) assert.ok(systemClock.monotonic() < deadline);
  };
  const backups = async (): Promise<number> => (await listBackups(store.backupDirectory)).length;
  await until(async () => (await backups()) === 1);
  const before = clock.slept;
  await until(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return clock.slept > before + 3 * HOUR_MS;
  });
  assert.equal(await backups(), 1);
  await store.create(podKey("b"), pod("b"));
  await until(async () => (await backups()) === 2);
  stop.abort();
  await run;
  await store.close();
});

test("events expire, are capped for each namespace, and watchers see them go", async () => {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
  const store = await open({ clock }, { ephemeral: [{ resource: "events", ttlMs: HOUR_MS, perNamespace: 20 }] });
  const gone: string[] = [];
  const { signal } = new AbortController();
  store.watch("events", undefined, ({ type, entry }) => void (type === "DELETED" && gone.push(entry.key.name)), signal);
  const create = (name: string): Promise<unknown> =>
    store.create({ resource: "events", namespace: "a", name }, pod(name));
  for (let index = 0; index < 21; index += 1) {
    clock.ms += 1;
    await create(`e${index}`);
  }
  assert.deepEqual(gone, ["e0", "e1"]);
  clock.ms += HOUR_MS - 10;
  await store.expire();
  assert.deepEqual(
    store
      .list("events")
      .entries.map(({ key }) => key.name)
      .toSorted(),
    Array.from({ length: 11 }, (_, index) => `e${index + 10}`).toSorted(),
  );
  clock.ms += HOUR_MS;
  await store.expire();
  assert.deepEqual([...store.states("events")], []);
  await store.close();
});

test("a tombstone goes an hour after every known member has it, and not before", async () => {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
  let members = ["one", "two"];
  const dataDir = await mkdtemp(join(root, "data-"));
  const deps = {
    dataDir,
    nodeName: "one",
    clock,
    random: systemRandom,
    logger: silentLogger,
    knownMembers: () => members,
  };
  const store = await openStore(deps);
  await store.create(podKey("a"), pod("a"));
  await store.delete(podKey("a"));
  const count = async (): Promise<number> => {
    await store.sweep();
    return [...store.states("pods")].length;
  };
  clock.ms += 2 * HOUR_MS;
  assert.equal(await count(), 1);
  store.confirmTombstones("two", store.states());
  members = ["one", "two", "three"];
  assert.equal(await count(), 1);
  members = ["one", "two"];
  assert.equal(await count(), 0);
  await store.close();
  const again = await openStore(deps);
  assert.deepEqual([...again.states("pods")], []);
  await again.close();
});

test("garbage in the lock's file is refused by the name of that file, not the database's", async () => {
  const dataDir = await mkdtemp(join(root, "data-"));
  const file = join(dataDir, "state.lock");
  await writeFile(file, "garbage ".repeat(1024));
  const opened = openStore({
    dataDir,
    nodeName: "one",
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  await assert.rejects(opened, (error: Error) =>
    error.message.startsWith(`Cannot lock the data directory with ${file}: `),
  );
});
