import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Pod } from "../../src/api/kinds.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { MemoryImages } from "../../src/runtime/memory/memory-images.ts";
import { MemoryRuntime } from "../../src/runtime/memory/memory-runtime.ts";
import { PodRuntime } from "../../src/runtime/pod-runtime.ts";
import { RuntimeError, type ContainerSpec, type ObservedSandbox } from "../../src/runtime/runtime-port.ts";
import { eventually } from "../poll.ts";
import { MemoryEvents, MemoryObjects } from "./support/memory-objects.ts";
import { smallNode } from "./support/small-node.ts";

let directory: string;
before(async () => (directory = await mkdtemp(join(tmpdir(), "pod-runtime-"))));
after(() => rm(directory, { recursive: true, force: true }));

function agent(runtime: MemoryRuntime, { objects, synced }: { objects: MemoryObjects; synced: () => boolean }) {
  const stop = new AbortController();
  const events = new MemoryEvents();
  const pods = new PodRuntime(
    {
      runtime,
      images: new MemoryImages({ present: ["web:1"], pullable: ["docker.io/library/later:1"] }),
      objects,
      events,
      ...smallNode({ cpu: 64 }),
      isSynced: synced,
    },
    { dataDirectory: join(directory, "data"), memoryDirectory: join(directory, "memory"), orphanCheckMs: 20 },
  );
  const run = pods.run(stop.signal);
  return { pods, events, stop: () => (stop.abort(new Error("the test ends")), run) };
}

function create(objects: MemoryObjects, name: string, image = "web:1"): Promise<Pod> {
  return objects.create("Pod", {
    metadata: { name, namespace: "default" },
    spec: { nodeName: "node-1", containers: [{ name: "web", image, readinessProbe: { tcpSocket: { port: 80 } } }] },
  });
}

async function sandboxes(runtime: MemoryRuntime): Promise<readonly ObservedSandbox[]> {
  const stop = new AbortController();
  let found: readonly ObservedSandbox[] = [];
  const watching = runtime.watch((change) => {
    if (change.type === "snapshot") found = change.sandboxes;
  }, stop.signal);
  stop.abort();
  await watching;
  return found;
}

const ready = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;

test("fifty pods become ready, and leave nothing behind when they are deleted", async () => {
  const runtime = new MemoryRuntime({ clock: systemClock, behave: () => ({}) });
  const objects = new MemoryObjects();
  const { stop } = agent(runtime, { objects, synced: () => true });
  const names = Array.from({ length: 50 }, (_, index) => `pod-${index}`);
  await Promise.all(names.map((name) => create(objects, name)));
  await eventually(() => objects.list("Pod").filter(ready).length === 50, { what: "50 ready pods" });
  assert.equal((await sandboxes(runtime)).length, 50);
  await Promise.all(names.map((name) => objects.delete("Pod", { namespace: "default", name })));
  await eventually(() => objects.list("Pod").length === 0, { what: "no pod" });
  assert.deepEqual(await sandboxes(runtime), []);
  await stop();
});

test("an image that is not here is pulled", async () => {
  const objects = new MemoryObjects();
  const { stop } = agent(new MemoryRuntime({ clock: systemClock, behave: () => ({}) }), {
    objects,
    synced: () => true,
  });
  await create(objects, "pulls", "later:1");
  await eventually(() => objects.list("Pod").every(ready), { what: "a ready pod" });
  await stop();
});

test("a pull secret that does not exist is told, and the pull is tried without it", async () => {
  const objects = new MemoryObjects();
  const runtime = new MemoryRuntime({ clock: systemClock, behave: () => ({}) });
  const { stop, events } = agent(runtime, { objects, synced: () => true });
  await objects.create("Pod", {
    metadata: { name: "pulls-without", namespace: "default" },
    spec: {
      nodeName: "node-1",
      imagePullSecrets: [{ name: "nosuch" }],
      containers: [{ name: "web", image: "later:1", imagePullPolicy: "Always" }],
    },
  });
  await eventually(() => objects.list("Pod").every(ready), { what: "a ready pod" });
  const message = "Unable to retrieve some image pull secrets (nosuch); attempting to pull the image may not succeed.";
  assert.ok(events.has("FailedToRetrieveImagePullSecret", message));
  await stop();
});

test("a sandbox without an object stays until the store is known to be complete", async () => {
  const runtime = new MemoryRuntime({ clock: systemClock, behave: () => ({}) });
  const before = new MemoryObjects();
  const first = agent(runtime, { objects: before, synced: () => true });
  await create(before, "orphan");
  await eventually(() => before.list("Pod").every(ready), { what: "a ready pod" });
  await first.stop();
  let synced = false;
  let asked = 0;
  const empty = new MemoryObjects();
  const second = agent(runtime, { objects: empty, synced: () => (asked++, synced) });
  await eventually(() => asked > 3, { what: "several looks at the orphan" });
  assert.equal((await sandboxes(runtime)).length, 1);
  synced = true;
  await eventually(async () => (await sandboxes(runtime)).length === 0, { what: "the orphan gone" });
  await second.stop();
});

test("a container whose start Podman did not answer, and that runs, is not started again beside itself", async () => {
  class Unanswered extends MemoryRuntime {
    #lost = false;
    override async startContainer(containerId: string, signal: AbortSignal): Promise<void> {
      await super.startContainer(containerId, signal);
      if (!this.#lost) throw ((this.#lost = true), new RuntimeError("unavailable", "the service was killed"));
    }
  }
  let made = 0;
  const runtime = new Unanswered({ clock: systemClock, behave: () => (made++, {}) });
  const objects = new MemoryObjects();
  const { stop } = agent(runtime, { objects, synced: () => true });
  await create(objects, "unanswered");
  await eventually(() => objects.list("Pod").some(ready), { what: "a ready pod" });
  await stop();
  assert.equal(made, 1);
  assert.equal(objects.list("Pod")[0]?.status?.containerStatuses?.[0]?.restartCount, 0);
});

test("a container whose start was cut off, and that cannot be started any more, is made anew and has not failed", async () => {
  let starts = 0;
  class CutOff extends MemoryRuntime {
    override async startContainer(containerId: string, signal: AbortSignal): Promise<void> {
      if (++starts === 1) throw new RuntimeError("unavailable", "the service was killed");
      if (starts === 2) throw new RuntimeError("start", "container with given ID already exists");
      await super.startContainer(containerId, signal);
    }
  }
  const runtime = new CutOff({ clock: systemClock, behave: () => ({}) });
  const objects = new MemoryObjects();
  const { stop } = agent(runtime, { objects, synced: () => true });
  await create(objects, "cut-off");
  await eventually(() => objects.list("Pod").some(ready), { what: "a ready pod" });
  assert.equal((await sandboxes(runtime))[0]?.containers.length, 1);
  await stop();
  const [web] = objects.list("Pod")[0]?.status?.containerStatuses ?? [];
  assert.deepEqual([starts, web?.restartCount, web?.lastState], [3, 0, {}]);
});

test("a command that cannot be run and is not tried again has ended, and waits for nothing", async () => {
  const runtime = new MemoryRuntime({ clock: systemClock, behave: () => ({ unstartable: true }) });
  const objects = new MemoryObjects();
  const { stop } = agent(runtime, { objects, synced: () => true });
  const containers = [{ name: "web", image: "web:1" }];
  await objects.create("Pod", {
    metadata: { name: "nosuch", namespace: "default" },
    spec: { nodeName: "node-1", restartPolicy: "Never", containers },
  });
  await eventually(() => objects.list("Pod").some(({ status }) => status?.phase === "Failed"), {
    what: "a failed pod",
  });
  await stop();
  const state = objects.list("Pod")[0]?.status?.containerStatuses?.[0]?.state;
  assert.deepEqual(
    [state?.terminated?.reason, state?.terminated?.exitCode],
    ["StartError", 128],
    JSON.stringify(state),
  );
});

test("an init container that fails for good is not repeated in a new sandbox", async () => {
  const behave = (spec: ContainerSpec) => (spec.name === "setup" ? { endsAfterMs: 1, exitCode: 3 } : {});
  const runtime = new MemoryRuntime({ clock: systemClock, behave });
  const objects = new MemoryObjects();
  const { stop } = agent(runtime, { objects, synced: () => true });
  await objects.create("Pod", {
    metadata: { name: "fails", namespace: "default" },
    spec: {
      nodeName: "node-1",
      restartPolicy: "Never",
      initContainers: [{ name: "setup", image: "web:1" }],
      containers: [{ name: "web", image: "web:1" }],
    },
  });
  const released = (pod: Pod): boolean =>
    pod.status?.conditions?.some(({ type, status }) => type === "PodReadyToStartContainers" && status === "False") ??
    false;
  const failed = (pod: Pod): boolean => pod.status?.phase === "Failed" && released(pod);
  await eventually(() => objects.list("Pod").some(failed), { what: "a failed pod without a sandbox" });
  const [setup] = objects.list("Pod")[0]?.status?.initContainerStatuses ?? [];
  assert.equal(setup?.state?.terminated?.exitCode, 3, JSON.stringify(setup));
  assert.equal(setup?.restartCount, 0);
  assert.deepEqual(await sandboxes(runtime), []);
  await stop();
});

test("files of pods that are gone altogether are removed once the store is complete, those of others never", async () => {
  const runtime = new MemoryRuntime({ clock: systemClock, behave: () => ({}) });
  const objects = new MemoryObjects();
  const kept = await create(objects, "kept");
  const gone = "0de22a7e-2f60-4e8c-b898-caa9586cd7ff";
  const places = ["data/pods", "data/volumes", "memory/volumes"].map((place) => join(directory, place));
  const uids = [gone, kept.metadata?.uid ?? "", "claims"];
  for (const place of places) {
    for (const uid of uids) await mkdir(join(place, uid, "some/files"), { recursive: true });
  }
  let synced = false;
  const { stop } = agent(runtime, { objects, synced: () => synced });
  await eventually(() => objects.list("Pod").every(ready), { what: "a ready pod" });
  for (const place of places) assert.equal(existsSync(join(place, gone)), true);
  synced = true;
  await eventually(() => places.every((place) => !existsSync(join(place, gone))), { what: "the end of the leftovers" });
  for (const place of places) for (const uid of uids.slice(1)) assert.equal(existsSync(join(place, uid)), true, uid);
  await stop();
});
