import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../api/api-error.ts";
import { systemClock } from "../../lib/clock.ts";
import { Metrics } from "../../lib/metrics.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import type { Store } from "../../store/port.ts";
import { MeasuredStore } from "./measured-store.ts";

const key = { resource: "configmaps", namespace: "default", name: "a" };
const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default" } };

function line(metrics: Metrics, start: string): string | undefined {
  return metrics
    .text()
    .split("\n")
    .find((one) => one.startsWith(start));
}

test("writes are counted by their outcome, and watches while they last", async () => {
  const metrics = new Metrics();
  const store = new MeasuredStore(openMemoryStore(), { clock: systemClock, metrics });
  await store.create(key, object);
  await assert.rejects(store.create(key, object), /exists/);
  const total = "podman_swarm_store_writes_total";
  assert.equal(
    line(metrics, `${total}{operation="create",result="stored"}`),
    `${total}{operation="create",result="stored"} 1`,
  );
  assert.match(line(metrics, `${total}{operation="create",result="refused"}`) ?? "", / 1$/);
  assert.match(line(metrics, "podman_swarm_store_write_duration_seconds_count") ?? "", / 1$/);
  const stop = new AbortController();
  store.watch("configmaps", undefined, () => {}, stop.signal);
  assert.match(line(metrics, 'podman_swarm_store_watchers{resource="configmaps"}') ?? "", / 1$/);
  stop.abort();
  assert.equal(line(metrics, 'podman_swarm_store_watchers{resource="configmaps"}'), undefined);
});

test("a disk that refuses is a problem until it takes a write again", async () => {
  const inner = openMemoryStore();
  let full = true;
  // A store whose disk fails, and no other difference.
  const failing: Store = Object.create(inner, {
    resourceVersion: { get: () => inner.resourceVersion },
    create: {
      value: (...write: Parameters<Store["create"]>) =>
        full ? Promise.reject(new ApiError("ServiceUnavailable", "the disk is full")) : inner.create(...write),
    },
  }) as Store;
  const store = new MeasuredStore(failing, { clock: systemClock, metrics: new Metrics() });
  assert.equal(store.problem, undefined);
  await assert.rejects(store.create(key, object));
  assert.equal(store.problem, "the disk is full");
  full = false;
  await store.create(key, object);
  assert.equal(store.problem, undefined);
});
