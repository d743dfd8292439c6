import assert from "node:assert/strict";
import { test } from "node:test";
import { ObjectEventRecorder } from "../../src/client/event-recorder.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createLogger, silentLogger } from "../../src/lib/log.ts";
import { localObjects } from "./local-objects.ts";

const pod = { kind: "Pod", apiVersion: "v1", namespace: "default", name: "web", uid: "u" };
const event = (message: string) => ({ regarding: pod, type: "Warning" as const, reason: "BackOff", message });

test("the same event again is counted in the one that is there", async (t) => {
  const objects = await localObjects(t);
  const recorder = new ObjectEventRecorder({ objects, clock: systemClock, logger: silentLogger });
  const kubelet = recorder.from({ component: "kubelet", host: "node1" });
  for (let time = 0; time < 5; time++) kubelet.record(event("again"));
  kubelet.record(event("other"));
  recorder.from({ component: "default-scheduler" }).record(event("again"));
  await recorder.flush();
  const seen = objects
    .list("Event", "default")
    .map(({ source, message, count }) => `${source?.component} ${message} ${count}`);
  assert.deepEqual(new Set(seen), new Set(["default-scheduler again 1", "kubelet again 5", "kubelet other 1"]));
});

test("many like events become one, and a source with too much to say is cut short", async (t) => {
  const objects = await localObjects(t);
  const recorder = new ObjectEventRecorder({ objects, clock: systemClock, logger: silentLogger });
  const kubelet = recorder.from({ component: "kubelet" });
  for (let number = 0; number < 100; number++) kubelet.record(event(`message ${number}`));
  await recorder.flush();
  const events = objects.list("Event", "default");
  const total = events.reduce((sum, { count = 0 }) => sum + count, 0);
  assert.equal(total, 25);
  const combined = events.filter(({ message }) => message?.startsWith("(combined from similar events): "));
  assert.equal(combined.length, 1);
  assert.equal(combined[0]?.count, 15);
});

test("an Event that cannot be written is logged and hurts nobody", async (t) => {
  const objects = await localObjects(t);
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  const recorder = new ObjectEventRecorder({ objects, clock: systemClock, logger });
  const regarding = { ...pod, name: "Not A Name" };
  recorder.from({ component: "kubelet" }).record({ ...event("lost"), regarding });
  await recorder.flush();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /Cannot record an Event.*lost/);
});

test("an Event about what goes with its namespace is no failure", async (t) => {
  const objects = await localObjects(t);
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  const recorder = new ObjectEventRecorder({ objects, clock: systemClock, logger });
  await objects.create("Namespace", { metadata: { name: "leaving" } });
  const { uid = "" } = objects.get("Namespace", { name: "leaving" })?.metadata ?? {};
  await objects.delete("Namespace", { name: "leaving", uid });
  for (const namespace of ["leaving", "gone"]) {
    recorder.from({ component: "kubelet" }).record({ ...event("killed"), regarding: { ...pod, namespace } });
  }
  await recorder.flush();
  assert.deepEqual(lines, []);
});

test("a node's own Event carries its name as the uid, by which kubectl describe finds it", async (t) => {
  const objects = await localObjects(t);
  const recorder = new ObjectEventRecorder({ objects, clock: systemClock, logger: silentLogger });
  const regarding = { kind: "Node", apiVersion: "v1", name: "n1" };
  recorder.from({ component: "agent" }).record({ ...event("a probe failed"), regarding });
  await recorder.flush();
  assert.equal(objects.list("Event", "default")[0]?.involvedObject.uid, "n1");
});
