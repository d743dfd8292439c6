import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Pod } from "../../src/api/kinds.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { eventually } from "../poll.ts";
import { IMAGE, isReady, PodmanNode } from "./support/podman-node.ts";

const OTHER_IMAGE = "localhost/podman-swarm/demo:1";

let node: PodmanNode;
before(async () => {
  node = await PodmanNode.start(6);
  node.startAgent();
});
after(() => node?.stop());

const sleeper = (name: string) => ({ name, image: IMAGE, command: ["sleep", "600"] });
const ref = (pod: Pod) => ({ namespace: "default", name: pod.metadata?.name ?? "" });

function statusOf(pod: Pod, name: string) {
  return pod.status?.containerStatuses?.find((status) => status.name === name);
}

async function setImage(pod: Pod, container: string, image: string): Promise<void> {
  const now = node.pod(pod);
  assert.ok(now?.spec);
  const containers = now.spec.containers.map((one) => (one.name === container ? { ...one, image } : one));
  await node.objects.update("Pod", { ...now, spec: { ...now.spec, containers } });
}

test("a new image replaces its container, and no other, whatever the restart policy is", async () => {
  const containers = [sleeper("a"), sleeper("b")];
  const pod = await node.apply({ restartPolicy: "Never", terminationGracePeriodSeconds: 0, containers });
  const before = await node.until(pod, isReady);
  await setImage(pod, "a", OTHER_IMAGE);
  const replaced = (now: Pod): boolean => isReady(now) && (statusOf(now, "a")?.restartCount ?? 0) === 1;
  const now = await node.until(pod, replaced);
  assert.notEqual(statusOf(now, "a")?.containerID, statusOf(before, "a")?.containerID);
  assert.notEqual(statusOf(now, "a")?.imageID, statusOf(before, "a")?.imageID);
  assert.equal(statusOf(now, "b")?.containerID, statusOf(before, "b")?.containerID);
  assert.ok(node.events.has("Killing", "Container a definition changed, will be restarted"));

  await node.stopAgent();
  await setImage(pod, "b", OTHER_IMAGE);
  node.startAgent();
  const later = await node.until(pod, (seen) => isReady(seen) && (statusOf(seen, "b")?.restartCount ?? 0) === 1);
  assert.equal(statusOf(later, "a")?.containerID, statusOf(now, "a")?.containerID);
  await node.objects.delete("Pod", ref(pod));
  await node.gone(pod);
});

test("a pod that waits for an image that is not there starts at once with one that is", async () => {
  const missing = { ...sleeper("a"), image: "localhost/podman-swarm/none:1", imagePullPolicy: "Never" };
  const pod = await node.apply({ terminationGracePeriodSeconds: 0, containers: [missing] });
  await node.until(pod, (now) => statusOf(now, "a")?.state?.waiting?.reason === "ErrImageNeverPull");
  await setImage(pod, "a", IMAGE);
  // Before the back-off of ten seconds is over.
  await node.until(pod, isReady, 9000);
  await node.objects.delete("Pod", ref(pod));
  await node.gone(pod);
});

test("a container in its back-off stays there when the agent is restarted", async () => {
  const pod = await node.apply({ containers: [{ name: "a", image: IMAGE, command: ["sh", "-c", "exit 3"] }] });
  const waits = (now: Pod): boolean => statusOf(now, "a")?.state?.waiting?.reason === "CrashLoopBackOff";
  const before = await node.until(pod, waits);
  await node.stopAgent();
  node.events.all.length = 0;
  node.startAgent();
  const told = (): boolean => node.events.has("BackOff", "Back-off restarting failed container a");
  await eventually(told, { what: "that it is told again that it waits" });
  assert.equal(statusOf(node.pod(pod) ?? {}, "a")?.restartCount, statusOf(before, "a")?.restartCount);
  assert.equal(node.events.has("Started"), false);
  await node.objects.delete("Pod", ref(pod), { gracePeriodSeconds: 0 });
});

test("a pod that is being stopped keeps its deadline when the agent is restarted", async () => {
  const stubborn = { name: "a", image: IMAGE, command: ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"] };
  const graceS = 6;
  const pod = await node.apply({ terminationGracePeriodSeconds: graceS, containers: [stubborn] });
  await node.until(pod, isReady);
  const start = systemClock.monotonic();
  await node.objects.delete("Pod", ref(pod));
  await eventually(() => node.events.has("Killing", "Stopping container a"), { what: "the stop" });
  // Time itself is what is tested here.
  await systemClock.sleep(3500);
  await node.stopAgent();
  await systemClock.sleep(1000);
  node.startAgent();
  await node.gone(pod);
  const tookMs = systemClock.monotonic() - start;
  assert.ok(tookMs > graceS * 1000 - 500, `killed after ${tookMs} ms`);
  assert.ok(tookMs < graceS * 1000 + 4400, `killed after ${tookMs} ms: the grace began anew`);
});

test("a pod whose volume outgrows its limit is evicted", async () => {
  const script = "sleep 1; head -c 3000000 /dev/zero > /scratch/file; sleep 600";
  const container = { name: "a", image: IMAGE, command: ["sh", "-c", script] };
  const pod = await node.apply({
    terminationGracePeriodSeconds: 0,
    containers: [{ ...container, volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] }],
    volumes: [{ name: "scratch", emptyDir: { sizeLimit: "1Mi" } }],
  });
  const failed = await node.until(pod, (now) => now.status?.phase === "Failed");
  assert.equal(failed.status?.reason, "Evicted");
  assert.match(failed.status?.message ?? "", /EmptyDir volume "scratch" exceeds the limit "1Mi"/);
  await node.objects.delete("Pod", ref(pod));
  await node.gone(pod);
});

test("who is killed first when memory runs out follows from what was asked for", async () => {
  const pod = await node.apply({ terminationGracePeriodSeconds: 0, containers: [sleeper("a")] });
  const ready = await node.until(pod, isReady);
  const id = statusOf(ready, "a")?.containerID?.replace("podman://", "") ?? "";
  const inspected = await node.http.json<{ HostConfig: { OomScoreAdj: number } }>({ path: `/containers/${id}/json` });
  assert.equal(inspected.HostConfig.OomScoreAdj, 1000);
  await node.objects.delete("Pod", ref(pod));
  await node.gone(pod);
});
