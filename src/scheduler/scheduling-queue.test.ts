import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stored } from "../api/stored.ts";
import { SchedulingQueue } from "./scheduling-queue.ts";

const pod = (name: string, priority = 0, creationTimestamp = "2026-01-01T00:00:00Z"): Stored<"Pod"> => ({
  metadata: { name, uid: name, creationTimestamp },
  spec: { containers: [], priority },
});

const names = (queue: SchedulingQueue, now: number): string[] => queue.due(now).map(({ name }) => name);

test("higher priority comes first, then age", () => {
  const queue = new SchedulingQueue();
  queue.add(pod("young", 0, "2026-01-02T00:00:00Z"), false);
  queue.add(pod("old"), false);
  queue.add(pod("important", 5, "2026-01-03T00:00:00Z"), false);
  assert.deepEqual(names(queue, 0), ["important", "old", "young"]);
});

test("a parked pod waits for a change and for its back-off, which grows", () => {
  const queue = new SchedulingQueue({ initialBackoffMs: 10, maxBackoffMs: 15, parkedMs: 1000 });
  queue.add(pod("a"), false);
  queue.park("a", 0);
  assert.deepEqual(names(queue, 500), []);
  assert.equal(queue.nextDue(), 1010);
  queue.unpark();
  assert.deepEqual(names(queue, 9), []);
  assert.deepEqual(names(queue, 10), ["a"]);
  queue.park("a", 10);
  queue.unpark();
  assert.equal(queue.nextDue(), 25);
});

test("a pod whose own spec changed is tried at once", () => {
  const queue = new SchedulingQueue();
  queue.add(pod("a"), false);
  queue.park("a", 0);
  queue.add(pod("a"), false);
  assert.deepEqual(names(queue, 1), []);
  queue.add(pod("a"), true);
  assert.deepEqual(names(queue, 1), ["a"]);
  queue.remove("a");
  assert.equal(queue.nextDue(), Infinity);
});
