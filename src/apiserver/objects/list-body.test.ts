import assert from "node:assert/strict";
import { test } from "node:test";
import { declarationOf } from "../../api/catalog.ts";
import type { Clock } from "../../lib/clock.ts";
import { systemClock } from "../../lib/clock.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { ListBodies } from "./list-body.ts";

const declaration = declarationOf("ConfigMap");
const served = { declaration, version: declaration.storage };
const resource = "configmaps";
const configMap = (name: string, size = 20_000) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data: { text: "x".repeat(size) },
});

async function storeOf(names: readonly string[], size?: number) {
  const store = openMemoryStore();
  for (const name of names) await store.create({ resource, namespace: "default", name }, configMap(name, size));
  return store;
}

/** Time stands still but for the timers that a test fires. */
function stoppedClock() {
  const timers: (() => void)[] = [];
  let now = 0;
  const clock: Clock = {
    ...systemClock,
    monotonic: () => now,
    timer: (_, callback) => {
      timers.push(callback);
      return () => {};
    },
  };
  return { clock, timers, later: (ms: number) => void (now += ms) };
}

test("a large list is put together once, and anew when one of its objects changes", async () => {
  const store = await storeOf(["a", "b"]);
  const bodies = new ListBodies(stoppedClock().clock);
  const list = () => {
    const { entries, resourceVersion } = store.list(resource, "default");
    return bodies.body(served, entries, { resourceVersion });
  };
  const first = list();
  assert.equal(list()[1], first[1]);
  const key = { resource, namespace: "default", name: "a" };
  const before = store.get(key)?.object;
  await store.update(key, { ...before, metadata: { name: "a", namespace: "default" }, data: { text: "y" } } as never, {
    register: "main",
  });
  const answer = JSON.parse(Buffer.concat(list()).toString()) as { items: { data: { text: string } }[] };
  assert.deepEqual(
    answer.items.map(({ data }) => data.text[0]),
    ["y", "x"],
  );
});

test("what nobody asks for any more is not kept, and small lists never are", async () => {
  const { clock, timers, later } = stoppedClock();
  const bodies = new ListBodies(clock);
  const { entries } = (await storeOf(["a", "b"])).list(resource);
  const body = (): unknown => bodies.body(served, entries, { resourceVersion: "1" })[1];
  const first = body();
  later(10_000);
  timers.pop()?.();
  assert.notEqual(body(), first);
  const small = (await storeOf(["a"], 10)).list(resource).entries;
  const one = bodies.body(served, small, { resourceVersion: "1" });
  assert.notEqual(bodies.body(served, small, { resourceVersion: "1" })[1], one[1]);
});

test("an empty list is a list", () => {
  const body = new ListBodies(systemClock).body(served, [], { resourceVersion: "7" });
  const want = { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "7" }, items: [] };
  assert.deepEqual(JSON.parse(Buffer.concat(body).toString()), want);
});
