import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Pod, PodSpec } from "../../src/api/kinds.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { LABEL } from "../../src/runtime/podman/labels.ts";
import { eventually } from "../poll.ts";
import { IMAGE, isReady, PodmanNode } from "./support/podman-node.ts";

let node: PodmanNode;

before(async () => {
  node = await PodmanNode.start(2);
  node.startAgent();
});
after(() => node?.stop());

const sleeper = { name: "web", image: IMAGE, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"] };

/** A pod whose container runs until it is told to end, by a file. */
function endsWhenTold(how: string): { spec: Partial<PodSpec>; end: () => void } {
  const directory = join(node.directory, systemRandom.uuid());
  const command = ["sh", "-c", `until [ -e /told/end ]; do sleep 0.05; done; ${how}`];
  const volumeMounts = [{ name: "told", mountPath: "/told" }];
  return {
    spec: {
      restartPolicy: "Never",
      containers: [{ name: "web", image: IMAGE, command, volumeMounts }],
      volumes: [{ name: "told", hostPath: { path: directory, type: "DirectoryOrCreate" } }],
    },
    end: () => writeFileSync(join(directory, "end"), ""),
  };
}

function restarts(pod: Pod): number {
  return pod.status?.containerStatuses?.[0]?.restartCount ?? -1;
}

function containerId(pod: Pod): string {
  return pod.status?.containerStatuses?.[0]?.containerID?.replace("podman://", "") ?? "";
}

async function remove(pod: Pod, gracePeriodSeconds?: number): Promise<void> {
  const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
  await node.objects.delete("Pod", { namespace: "default", name: pod.metadata?.name ?? "" }, grace);
  await node.gone(pod);
}

async function containersOf(pod: Pod): Promise<{ Id: string; IsInfra: boolean; State: string }[]> {
  const filters = JSON.stringify({ label: [`${LABEL.podUid}=${pod.metadata?.uid}`] });
  return node.http.json({ path: "/containers/json", query: { all: true, filters } });
}

test("a container that is killed is started again", async () => {
  const pod = await node.apply({ containers: [sleeper] });
  const ready = await node.until(pod, isReady);
  await node.http.json({ method: "POST", path: `/containers/${containerId(ready)}/kill`, query: { signal: "KILL" } });
  const again = await node.until(pod, (now) => isReady(now) && restarts(now) === 1);
  assert.notEqual(containerId(again), containerId(ready));
  const last = again.status?.containerStatuses?.[0]?.lastState?.terminated;
  assert.equal(last?.exitCode, 137);
  assert.equal(last?.reason, "Error");
  await remove(pod);
  assert.deepEqual(await containersOf(pod), []);
});

test("a container that is removed behind our back is made again", async () => {
  const pod = await node.apply({ containers: [sleeper] });
  const ready = await node.until(pod, isReady);
  const query = { force: true, timeout: 0 };
  await node.http.json({ method: "DELETE", path: `/containers/${containerId(ready)}`, query });
  await node.until(pod, (now) => isReady(now) && restarts(now) === 1);
  await remove(pod);
});

test("a whole Podman pod that is removed behind our back is made again", async () => {
  const pod = await node.apply({ containers: [sleeper] });
  await node.until(pod, isReady);
  const [first] = await containersOf(pod);
  const inspected = await node.http.json<{ Pod: string }>({ path: `/containers/${first?.Id}/json` });
  await node.http.json({ method: "DELETE", path: `/pods/${inspected.Pod}`, query: { force: true, timeout: 0 } });
  await node.until(pod, (now) => isReady(now) && restarts(now) === 1);
  assert.ok(node.events.has("SandboxChanged"));
  await remove(pod);
});

test("kill -9 of Podman's service disturbs no container, and pods can be started after it", async () => {
  const pod = await node.apply({ containers: [sleeper] });
  const ready = await node.until(pod, isReady);
  node.killService();
  const second = await node.apply({ containers: [sleeper] });
  await node.until(second, isReady);
  const now = node.pod(pod);
  assert.ok(now && isReady(now));
  assert.equal(containerId(now), containerId(ready));
  assert.equal(restarts(now), 0);
  await Promise.all([remove(pod), remove(second)]);
});

test("a container that ends while Podman's service is down is noticed afterwards", async () => {
  const { spec, end } = endsWhenTold("exit 4");
  const pod = await node.apply(spec);
  await node.until(pod, (now) => now.status?.phase === "Running");
  node.killService();
  end();
  const failed = await node.until(pod, (now) => now.status?.phase === "Failed");
  assert.equal(failed.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 4);
  await remove(pod);
});

test("a new agent takes over the containers of the old one and restarts none", async () => {
  const readinessProbe = { exec: { command: ["true"] }, periodSeconds: 1, timeoutSeconds: 30 };
  const pod = await node.apply({ containers: [{ ...sleeper, readinessProbe }] });
  const ready = await node.until(pod, isReady);
  const started = await containersOf(pod);
  await node.stopAgent();
  const unready: Pod[] = [];
  const watching = new AbortController();
  const look = (object: Pod): void =>
    void (object.metadata?.uid === pod.metadata?.uid && !isReady(object) && unready.push(object));
  node.objects.watch("Pod", ({ object }) => look(object), watching.signal);
  node.startAgent();
  const other = await node.apply({ containers: [sleeper] });
  await node.until(other, isReady);
  watching.abort();
  assert.deepEqual(unready, [], "the pod never stopped being ready");
  assert.deepEqual((await containersOf(pod)).map(({ Id }) => Id).sort(), started.map(({ Id }) => Id).sort());
  const now = node.pod(pod);
  assert.equal(now && containerId(now), containerId(ready));
  assert.equal(now && restarts(now), 0);
  await Promise.all([remove(pod), remove(other)]);
});

test("a container that ended while no agent ran is reported by the next one", async () => {
  const { spec, end } = endsWhenTold("echo bye > /dev/termination-log; exit 7");
  const pod = await node.apply(spec);
  const running = await node.until(pod, (now) => now.status?.phase === "Running");
  await node.stopAgent();
  end();
  const id = containerId(running);
  await node.http.json({ method: "POST", path: `/containers/${id}/wait`, query: { condition: "exited" } });
  node.startAgent();
  const failed = await node.until(pod, (now) => now.status?.phase === "Failed");
  assert.equal(failed.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 7);
  await remove(pod);
});

test("a pod that was deleted while no agent ran leaves no container behind", async () => {
  const pod = await node.apply({ containers: [sleeper] });
  await node.until(pod, isReady);
  await node.stopAgent();
  await node.objects.delete("Pod", { namespace: "default", name: pod.metadata?.name ?? "" }, { gracePeriodSeconds: 0 });
  node.startAgent();
  const other = await node.apply({ containers: [sleeper] });
  await node.until(other, isReady);
  await remove(other);
  await eventually(async () => (await containersOf(pod)).length === 0, { timeoutMs: 60_000, what: "the orphan's end" });
});

test("a deleted pod is drained first, gets its grace and leaves nothing behind", async () => {
  const command = [
    "sh",
    "-c",
    "trap 'sleep 0.5; echo stopped > /shared/stopped; exit 0' TERM; touch /shared/up; while :; do sleep 0.1; done",
  ];
  const startupProbe = { exec: { command: ["test", "-e", "/shared/up"] }, periodSeconds: 1, timeoutSeconds: 30 };
  const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
  const spec = { name: "web", image: IMAGE, command, startupProbe, volumeMounts };
  const directory = `${node.directory}/host`;
  const pod = await node.apply({
    terminationGracePeriodSeconds: 40,
    containers: [spec],
    volumes: [{ name: "shared", hostPath: { path: directory, type: "DirectoryOrCreate" } }],
  });
  const ready = await node.until(pod, isReady);
  const startedAt = systemClock.monotonic();
  await remove(pod);
  const took = systemClock.monotonic() - startedAt;
  assert.ok(took >= 500 && took < 40_000, `took ${took} ms`);
  assert.ok(node.drained.includes(ready.status?.podIP ?? ""));
  const { readFile } = await import("node:fs/promises");
  assert.equal(await readFile(`${directory}/stopped`, "utf8"), "stopped\n");
  assert.deepEqual(await containersOf(pod), []);
});

test("a container that ignores SIGTERM is killed when its grace is over", async () => {
  const command = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"];
  const containers = [{ name: "web", image: IMAGE, command }];
  const pod = await node.apply({ terminationGracePeriodSeconds: 40, containers });
  await node.until(pod, isReady);
  const startedAt = systemClock.monotonic();
  await remove(pod, 1);
  const took = systemClock.monotonic() - startedAt;
  assert.ok(took >= 900 && took < 40_000, `took ${took} ms`);
});

test("a container that keeps failing is backed off", async () => {
  const command = ["sh", "-c", "echo no luck > /dev/termination-log; exit 3"];
  const pod = await node.apply({ containers: [{ name: "web", image: IMAGE, command }] });
  const waiting = await node.until(
    pod,
    (now) => now.status?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff",
  );
  const [status] = waiting.status?.containerStatuses ?? [];
  assert.equal(status?.restartCount, 1);
  assert.match(
    status?.state?.waiting?.message ?? "",
    /^back-off 10s restarting failed container=web pod=pod-.*_default\(/,
  );
  assert.equal(status?.lastState?.terminated?.exitCode, 3);
  assert.equal(status?.lastState?.terminated?.message, "no luck\n");
  assert.ok(node.events.has("BackOff", "Back-off restarting failed container web"));
  await remove(pod);
});

test("an image that cannot be pulled is reported and backed off", async () => {
  const pod = await node.apply({ containers: [{ name: "web", image: "127.0.0.1:1/none:1" }] });
  const reason = (now: Pod): string | undefined => now.status?.containerStatuses?.[0]?.state?.waiting?.reason;
  await node.until(pod, (now) => reason(now) === "ErrImagePull");
  const backedOff = await node.until(pod, (now) => reason(now) === "ImagePullBackOff");
  assert.equal(backedOff.status?.phase, "Pending");
  assert.ok(node.events.has("Pulling", 'Pulling image "127.0.0.1:1/none:1"'));
  assert.ok(node.events.has("BackOff", 'Back-off pulling image "127.0.0.1:1/none:1"'));
  await remove(pod);
});

test("a command that does not exist is a StartError", async () => {
  const pod = await node.apply({ containers: [{ name: "web", image: IMAGE, command: ["nosuch"] }] });
  const waiting = await node.until(
    pod,
    (now) => now.status?.containerStatuses?.[0]?.state?.waiting?.reason === "RunContainerError",
  );
  const message = waiting.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "";
  assert.equal(message.match(/executable file not found/g)?.length, 1, message);
  const last = waiting.status?.containerStatuses?.[0]?.lastState?.terminated;
  assert.equal(last?.exitCode, 128);
  assert.equal(last?.startedAt, last?.finishedAt);
  await remove(pod);
});
