import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Pod, PodSpec, PodStatus } from "../../src/api/kinds.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { MemoryImages } from "../../src/runtime/memory/memory-images.ts";
import { type Behaviour, MemoryRuntime } from "../../src/runtime/memory/memory-runtime.ts";
import { PodRuntime } from "../../src/runtime/pod-runtime.ts";
import type { ContainerSpec, Sandbox } from "../../src/runtime/runtime-port.ts";
import { eventually } from "../poll.ts";
import { MemoryEvents, MemoryObjects } from "./support/memory-objects.ts";
import { smallNode } from "./support/small-node.ts";

let directory: string;
let objects: MemoryObjects;
let released: string[];
let made: string[];
let runtime: MemoryRuntime;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "killed-agent-"));
  objects = new MemoryObjects();
  released = [];
  made = [];
  runtime = new MemoryRuntime({ clock: systemClock, behave });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const signal = new AbortController().signal;

function behave({ name }: ContainerSpec): Behaviour {
  made.push(name);
  if (name === "setup") return { endsAfterMs: 1, exitCode: 0 };
  return name === "ends" ? { endsAfterMs: 1, exitCode: 3 } : {};
}

/** The agent that comes after one that was killed. */
function nextAgent(): { stop: () => Promise<void> } {
  const stop = new AbortController();
  const pods = new PodRuntime(
    {
      runtime,
      images: new MemoryImages({ present: ["web:1"], pullable: [] }),
      objects,
      events: new MemoryEvents(),
      ...smallNode({ cpu: 1, released: (uid) => void released.push(uid) }),
      isSynced: () => true,
    },
    { dataDirectory: join(directory, "data"), memoryDirectory: join(directory, "memory"), orphanCheckMs: 20 },
  );
  const run = pods.run(stop.signal);
  return { stop: () => (stop.abort(new Error("the test ends")), run) };
}

/** A pod as the killed agent has left it in the store. */
async function stored(spec: Omit<PodSpec, "nodeName">, status: PodStatus): Promise<{ pod: Pod; uid: string }> {
  const metadata = { name: "p", namespace: "default" };
  const pod = await objects.create("Pod", { metadata, spec: { ...spec, nodeName: "node-1" } });
  await objects.updateStatus("Pod", { ...pod, status });
  return { pod, uid: pod.metadata?.uid ?? "" };
}

const now = (): Pod | undefined => objects.get("Pod", { namespace: "default", name: "p" });

async function sandboxOf(uid: string): Promise<Sandbox> {
  const pod = { uid, namespace: "default", name: "p" };
  return runtime.createSandbox({ pod, attempt: 0, hostname: "p", network: undefined } as never, signal);
}

const SINCE = "2026-01-01T00:00:00Z";

test("a pod that had ended when the agent was killed gives back its address and its volumes", async () => {
  const terminated = { exitCode: 0, reason: "Completed", containerID: "podman://c" };
  const { uid } = await stored(
    { restartPolicy: "Never", containers: [{ name: "web", image: "web:1" }] },
    {
      phase: "Succeeded",
      startTime: SINCE,
      containerStatuses: [
        { name: "web", image: "web:1", imageID: "", ready: false, restartCount: 0, state: { terminated } },
      ],
    },
  );
  const volume = join(directory, "data/volumes", uid);
  await mkdir(volume, { recursive: true });
  const { stop } = nextAgent();
  await eventually(() => released.includes(uid) && !existsSync(volume), { what: "nothing left of it" });
  assert.equal(now()?.status?.phase, "Succeeded");
  await stop();
});

test("what was said of a pod that was refused before it began stays, whatever happens to the agent", async () => {
  const status = { phase: "Failed", reason: "OutOfcpu", message: "Node didn't have enough resource: cpu" } as const;
  const { pod, uid } = await stored({ containers: [{ name: "web", image: "web:1" }] }, status);
  const { stop } = nextAgent();
  await eventually(() => released.includes(uid), { what: "the agent's look at it" });
  await objects.update("Pod", { ...pod, metadata: { ...pod.metadata, labels: { a: "b" } } });
  await stop();
  assert.deepEqual(now()?.status, status);
});

test("nothing of an evicted pod is started again when the agent was killed before its sandbox was gone", async () => {
  const terminated = { exitCode: 137, reason: "Error", containerID: "podman://c" };
  const { uid } = await stored(
    { restartPolicy: "Always", containers: [{ name: "web", image: "web:1" }] },
    {
      phase: "Failed",
      reason: "Evicted",
      message: "too big",
      startTime: SINCE,
      containerStatuses: [
        { name: "web", image: "web:1", imageID: "", ready: false, restartCount: 0, state: { terminated } },
      ],
    },
  );
  await sandboxOf(uid);
  const { stop } = nextAgent();
  await eventually(() => released.includes(uid), { what: "the end of the sandbox" });
  await stop();
  assert.deepEqual(made, []);
  assert.deepEqual([now()?.status?.reason, now()?.status?.message], ["Evicted", "too big"]);
});

test("init containers run again in a new sandbox also when the agent was killed after the old one was removed", async () => {
  const terminated = { exitCode: 0, reason: "Completed", containerID: "podman://i" };
  const state = { running: { startedAt: SINCE } };
  const common = { image: "web:1", imageID: "", restartCount: 0 };
  await stored(
    { initContainers: [{ name: "setup", image: "web:1" }], containers: [{ name: "web", image: "web:1" }] },
    {
      phase: "Running",
      startTime: SINCE,
      conditions: [{ type: "Initialized", status: "True" }],
      initContainerStatuses: [{ ...common, name: "setup", ready: true, state: { terminated } }],
      containerStatuses: [{ ...common, name: "web", ready: true, state, containerID: "podman://w" }],
    },
  );
  const { stop } = nextAgent();
  await eventually(() => made.includes("web"), { what: "the container again" });
  await stop();
  assert.deepEqual(made, ["setup", "web"]);
});

test("a container that ended while there was no agent is told with its message", async () => {
  const state = { running: { startedAt: SINCE } };
  const { uid } = await stored(
    { restartPolicy: "Never", containers: [{ name: "ends", image: "web:1" }] },
    {
      phase: "Running",
      startTime: SINCE,
      containerStatuses: [{ name: "ends", image: "web:1", imageID: "", ready: true, restartCount: 0, state }],
    },
  );
  const id = await runtime.createContainer(await sandboxOf(uid), { name: "ends", attempt: 0 } as ContainerSpec, signal);
  await mkdir(join(directory, "data/pods", uid, "termination"), { recursive: true });
  await writeFile(join(directory, "data/pods", uid, "termination/ends-0"), "why");
  await runtime.startContainer(id, signal);
  await runtime.stopContainer(id, { graceSeconds: 1 }, signal);
  const { stop } = nextAgent();
  await eventually(() => now()?.status?.phase === "Failed", { what: "the pod's end" });
  await stop();
  const ended = now()?.status?.containerStatuses?.[0]?.state?.terminated;
  assert.deepEqual([ended?.exitCode, ended?.reason, ended?.message], [3, "Error", "why"]);
});
