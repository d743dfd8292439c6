import assert from "node:assert/strict";
import { test } from "node:test";
import { isReason, type StatusReason } from "../api/api-error.ts";
import type { KubeObject } from "../api/kinds.ts";
import type { Key, Store, StoreEvent } from "./port.ts";

export interface ContractCase {
  /** An empty store; `options` must reach its constructor. */
  readonly open: (options?: { readonly logLength?: number }) => Promise<{ store: Store; close: () => Promise<void> }>;
}

export const podKey = (name: string, namespace = "default"): Key => ({ resource: "pods", namespace, name });

export const pod = (name: string, fields: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { containers: [{ name: "main", image: "example" }] },
  ...fields,
});

const reason =
  (expected: StatusReason) =>
  (error: unknown): boolean =>
    isReason(error, expected);

/** What every Store guarantees; run on each implementation. */
export function testStore(name: string, { open }: ContractCase): void {
  const check = (title: string, body: (store: Store) => Promise<void>, options?: { logLength: number }): void => {
    test(`${name}: ${title}`, async () => {
      const { store, close } = await open(options);
      try {
        await body(store);
      } finally {
        await close();
      }
    });
  };
  testReads(check);
  testWrites(check);
  testCauses(check);
  testSetOnce(check);
  testWatches(check);
}

type Check = (title: string, body: (store: Store) => Promise<void>, options?: { logLength: number }) => void;

function testReads(check: Check): void {
  check("a create gives uid, name, namespace, time and resourceVersion", async (store) => {
    const entry = await store.create(podKey("a"), pod("a", { status: { phase: "Pending" } }));
    const { metadata } = entry.object;
    assert.match(metadata.uid ?? "", /^[0-9a-f-]{36}$/);
    assert.deepEqual([metadata.name, metadata.namespace], ["a", "default"]);
    assert.match(metadata.creationTimestamp ?? "", /^\d{4}-.*Z$/);
    assert.equal(metadata.resourceVersion, entry.resourceVersion);
    assert.equal(entry.uid, metadata.uid);
    assert.deepEqual(entry.object["status"], { phase: "Pending" });
    assert.equal(store.get(podKey("a")), entry);
    assert.deepEqual(JSON.parse(entry.json().toString()), entry.object);
    assert.equal(entry.json(), entry.json());
  });

  check("lists are ordered by namespace, then name", async (store) => {
    for (const [namespace, name] of [
      ["b", "x"],
      ["a", "z"],
      ["a", "y"],
      ["a-b", "w"],
    ] as const)
      await store.create(podKey(name, namespace), pod(name));
    const names = (namespace?: string): string[] =>
      store.list("pods", namespace).entries.map((entry) => `${entry.key.namespace}/${entry.key.name}`);
    assert.deepEqual(names(), ["a/y", "a/z", "a-b/w", "b/x"]);
    assert.deepEqual(names("a"), ["a/y", "a/z"]);
    assert.deepEqual(names("none"), []);
    await store.delete(podKey("y", "a"));
    assert.deepEqual(names("a"), ["a/z"]);
  });

  check("what the caller changes afterwards does not reach the store", async (store) => {
    const object = pod("a");
    await store.create(podKey("a"), object);
    (object["spec"] as { containers: unknown[] }).containers.pop();
    assert.deepEqual(store.get(podKey("a"))?.object["spec"], pod("a")["spec"]);
  });
}

function testWrites(check: Check): void {
  check("a second create is refused with AlreadyExists, after a delete it works with a new uid", async (store) => {
    const first = await store.create(podKey("a"), pod("a"));
    await assert.rejects(store.create(podKey("a"), pod("a")), reason("AlreadyExists"));
    await store.delete(podKey("a"));
    assert.equal(store.get(podKey("a")), undefined);
    const second = await store.create(podKey("a"), pod("a"));
    assert.notEqual(second.uid, first.uid);
  });

  check("a create that is repeated with its own uid finds what it made", async (store) => {
    const object = { ...pod("a"), metadata: { name: "a", uid: "11111111-1111-4111-8111-111111111111" } };
    const [first, second] = await Promise.all([store.create(podKey("a"), object), store.create(podKey("a"), object)]);
    assert.equal(first, second);
  });

  check("each register is replaced for itself", async (store) => {
    const entry = await store.create(podKey("a"), pod("a", { status: { phase: "Pending" } }));
    const labelled = { ...entry.object, metadata: { ...entry.object.metadata, labels: { a: "b" } }, status: {} };
    const main = await store.update(podKey("a"), labelled, { register: "main" });
    assert.deepEqual(main.object["status"], { phase: "Pending" });
    assert.deepEqual(main.object.metadata.labels, { a: "b" });
    const running = pod("a", { status: { phase: "Running" }, spec: {} });
    const status = await store.update(podKey("a"), running, { register: "status" });
    assert.deepEqual(status.object["status"], { phase: "Running" });
    assert.deepEqual(status.object.metadata.labels, { a: "b" });
    assert.deepEqual(status.object["spec"], entry.object["spec"]);
    assert.equal(status.uid, entry.uid);
    assert.equal(status.object.metadata.creationTimestamp, entry.object.metadata.creationTimestamp);
  });

  check("an update that changes nothing makes no version", async (store) => {
    const entry = await store.create(podKey("a"), pod("a"));
    assert.equal(await store.update(podKey("a"), entry.object, { register: "main" }), entry);
    assert.equal(await store.update(podKey("a"), entry.object, { register: "status" }), entry);
  });

  check("preconditions are checked", async (store) => {
    const entry = await store.create(podKey("a"), pod("a"));
    const next = pod("a", { spec: { x: 1 } });
    const { resourceVersion, uid } = entry;
    const updated = await store.update(podKey("a"), next, { register: "main", resourceVersion, uid });
    assert.ok(BigInt(updated.resourceVersion) > BigInt(resourceVersion));
    const stale = { register: "main", resourceVersion } as const;
    await assert.rejects(store.update(podKey("a"), pod("a"), stale), reason("Conflict"));
    await assert.rejects(store.update(podKey("a"), pod("a"), { register: "main", uid: "other" }), reason("Conflict"));
    await assert.rejects(store.delete(podKey("a"), { resourceVersion }), reason("Conflict"));
    await assert.rejects(store.update(podKey("b"), pod("b"), { register: "main" }), reason("NotFound"));
    await assert.rejects(store.delete(podKey("b")), reason("NotFound"));
    await store.delete(podKey("a"), { uid });
  });

  check("of many writers with one version one wins", async (store) => {
    const { resourceVersion } = await store.create(podKey("a"), pod("a"));
    const writes = Array.from({ length: 50 }, (_, index) =>
      store.update(podKey("a"), pod("a", { spec: { index } }), { register: "main", resourceVersion }),
    );
    const results = await Promise.allSettled(writes);
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of results) if (result.status === "rejected") assert.ok(isReason(result.reason, "Conflict"));
  });

  check("resourceVersions grow with every write and stay below 2^63", async (store) => {
    const entries = await Promise.all(
      Array.from({ length: 300 }, (_, index) => store.create(podKey(`pod-${index}`), pod(`pod-${index}`))),
    );
    const versions = entries.map(({ resourceVersion }) => BigInt(resourceVersion));
    assert.deepEqual(
      versions,
      versions.toSorted((a, b) => (a < b ? -1 : 1)),
    );
    assert.equal(new Set(versions).size, 300);
    assert.equal(store.resourceVersion, entries.at(-1)?.resourceVersion);
    assert.equal(store.list("pods").resourceVersion, store.resourceVersion);
    assert.ok(BigInt(store.resourceVersion) < 1n << 63n);
  });
}

function testCauses(check: Check): void {
  const cause = ["owner-uid", "revision-1", "slot-0"];

  check("a create with a cause is made once, with a uid of the cause", async (store) => {
    const [first, second] = await Promise.all([
      store.create(podKey("a"), pod("a"), { cause }),
      store.create(podKey("a"), pod("a", { spec: {} }), { cause }),
    ]);
    assert.equal(first, second);
    assert.match(first.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await assert.rejects(store.create(podKey("a"), pod("a"), { cause: ["another"] }), reason("AlreadyExists"));
    await assert.rejects(store.create(podKey("a"), pod("a")), reason("AlreadyExists"));
  });

  check("after a delete the same cause makes a successor with another uid, again once", async (store) => {
    const first = await store.create(podKey("a"), pod("a"), { cause });
    await store.delete(podKey("a"));
    const second = await store.create(podKey("a"), pod("a"), { cause });
    assert.notEqual(second.uid, first.uid);
    assert.equal(await store.create(podKey("a"), pod("a"), { cause }), second);
  });
}

function testSetOnce(check: Check): void {
  check("a binding is kept by later updates and cannot be changed", async (store) => {
    const { object } = await store.create(podKey("a"), pod("a"));
    const bound = { ...object, spec: { ...(object["spec"] as object), nodeName: "one" } };
    await store.update(podKey("a"), bound, { register: "main" });
    const kept = await store.update(podKey("a"), pod("a", { spec: { x: 1 } }), { register: "main" });
    assert.deepEqual(kept.object["spec"], { x: 1, nodeName: "one" });
    const moved = pod("a", { spec: { nodeName: "two" } });
    await assert.rejects(store.update(podKey("a"), moved, { register: "main" }), reason("Conflict"));
  });

  check("a deletion under way is kept; only an earlier end replaces it", async (store) => {
    const { object } = await store.create(podKey("a"), pod("a"));
    const ending = (deletionTimestamp: string, deletionGracePeriodSeconds: number): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds },
    });
    const update = async (next: KubeObject): Promise<unknown[]> => {
      const { metadata } = (await store.update(podKey("a"), next, { register: "main" })).object;
      return [metadata.deletionTimestamp, metadata.deletionGracePeriodSeconds];
    };
    assert.deepEqual(await update(ending("2026-01-01T00:00:30Z", 30)), ["2026-01-01T00:00:30Z", 30]);
    assert.deepEqual(await update(object), ["2026-01-01T00:00:30Z", 30]);
    assert.deepEqual(await update(ending("2026-01-01T00:01:30Z", 90)), ["2026-01-01T00:00:30Z", 30]);
    assert.deepEqual(await update(ending("2026-01-01T00:00:00Z", 0)), ["2026-01-01T00:00:00Z", 0]);
  });
}

function testWatches(check: Check): void {
  const collect = (store: Store, since?: string): { events: StoreEvent[]; stop: () => void } => {
    const events: StoreEvent[] = [];
    const controller = new AbortController();
    store.watch("pods", since, (event) => events.push(event), controller.signal);
    return { events, stop: () => controller.abort() };
  };
  const lines = (events: readonly StoreEvent[]): string[] =>
    events.map(({ type, entry, previous }) => `${type} ${entry.key.name} ${previous === undefined ? "-" : "+"}`);
  const live = async (store: Store): Promise<void> => {
    await store.create(podKey("a"), pod("a"));
    await store.update(podKey("a"), pod("a", { spec: { x: 1 } }), { register: "main" });
    await store.create({ resource: "services", namespace: "default", name: "s" }, pod("s"));
    await store.delete(podKey("a"));
  };
  const expected = ["ADDED a -", "MODIFIED a +", "DELETED a +"];

  check("a watch sees each change of its resource once and in order", async (store) => {
    const { events, stop } = collect(store);
    await live(store);
    assert.deepEqual(lines(events), expected);
    assert.deepEqual(events[2]?.entry.object["spec"], { x: 1 });
    assert.equal(events[2]?.previous, events[1]?.entry);
    assert.ok(BigInt(events[2]?.entry.resourceVersion ?? 0) > BigInt(events[1]?.entry.resourceVersion ?? 0));
    stop();
    await store.create(podKey("b"), pod("b"));
    assert.equal(events.length, 3);
  });

  check("a watch from a version is told everything after it, before it returns", async (store) => {
    const start = store.resourceVersion;
    await live(store);
    assert.deepEqual(lines(collect(store, start).events), expected);
    const first = collect(store, start).events[0]?.entry.resourceVersion;
    assert.deepEqual(lines(collect(store, first).events), expected.slice(1));
    assert.deepEqual(collect(store, store.resourceVersion).events, []);
  });

  check("a watch goes on after its replay without a gap or a repetition", async (store) => {
    const start = store.resourceVersion;
    const writes = Array.from({ length: 40 }, (_, index) => store.create(podKey(`p${index}`), pod(`p${index}`)));
    await writes[5];
    const { events } = collect(store, start);
    await Promise.all(writes);
    assert.deepEqual(
      events.map(({ entry }) => entry.key.name),
      writes.map((_, index) => `p${index}`),
    );
  });

  check("a list's version is where its watch goes on", async (store) => {
    const writes = Array.from({ length: 40 }, (_, index) => store.create(podKey(`p${index}`), pod(`p${index}`)));
    await writes[3];
    const { entries, resourceVersion } = store.list("pods");
    const { events } = collect(store, resourceVersion);
    await Promise.all(writes);
    assert.equal(new Set([...entries, ...events.map(({ entry }) => entry)].map(({ uid }) => uid)).size, 40);
    assert.equal(entries.length + events.length, 40);
  });

  check("an event is told before its writer goes on", async (store) => {
    const { events } = collect(store);
    await store.create(podKey("a"), pod("a"));
    assert.equal(events.length, 1);
  });

  check("a listener may write and watch", async (store) => {
    const events = { resource: "events", namespace: "default" };
    const seen: string[] = [];
    const inner: string[] = [];
    const { signal } = new AbortController();
    const writes: Promise<unknown>[] = [];
    store.watch(
      "events",
      undefined,
      ({ entry: { key } }) => {
        seen.push(key.name);
        if (key.name !== "a") return;
        writes.push(store.create({ ...events, name: "b" }, pod("b")));
        store.watch("events", undefined, (event) => inner.push(event.entry.key.name), signal);
      },
      signal,
    );
    store.watch("events", undefined, ({ entry }) => seen.push(`second ${entry.key.name}`), signal);
    await store.create({ ...events, name: "a" }, pod("a"));
    await Promise.all(writes);
    await store.create({ ...events, name: "c" }, pod("c"));
    assert.deepEqual(seen, ["a", "second a", "b", "second b", "c", "second c"]);
    assert.deepEqual(inner, ["c"]);
  });

  check("a version of another node, a future one and nonsense are refused with Expired", async (store) => {
    const { signal } = new AbortController();
    const other = (BigInt(store.resourceVersion) ^ 1n).toString();
    const future = (BigInt(store.resourceVersion) + (1n << 40n)).toString();
    for (const since of [other, future, "0", "x", "-1"])
      assert.throws(() => store.watch("pods", since, () => {}, signal), reason("Expired"), since);
  });
}
