import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kinds } from "../../src/api/kinds.ts";
import { eventually } from "../poll.ts";
import { liveCluster, type LiveCluster } from "./live-cluster.ts";

type PodSpec = NonNullable<Kinds["Pod"]["spec"]>;

async function pod(cluster: LiveCluster, name: string, spec: Partial<PodSpec> = {}): Promise<void> {
  const containers = [{ name: "main", image: "localhost/web:1" }];
  await cluster.objects.create("Pod", { metadata: { name, namespace: "default" }, spec: { containers, ...spec } });
}

const asking = (cpu: string): PodSpec["containers"] => [
  { name: "main", image: "localhost/web:1", resources: { requests: { cpu } } },
];

const why = (cluster: LiveCluster, name: string): string | undefined =>
  cluster.get("Pod", name).status?.conditions?.find(({ type }) => type === "PodScheduled")?.message;

test("a pod that fits nowhere says why and starts when there is room", async (t) => {
  const cluster = await liveCluster(t);
  await pod(cluster, "big", { containers: asking("7") });
  await eventually(() => cluster.get("Pod", "big").spec.nodeName === "node1");
  await pod(cluster, "more", { containers: asking("2") });
  await eventually(() => why(cluster, "more") === "0/1 nodes are available: 1 Insufficient cpu.");
  await eventually(() => cluster.list("Event").some(({ reason }) => reason === "FailedScheduling"));
  await cluster.objects.delete("Pod", { namespace: "default", name: "big" });
  await eventually(() => cluster.get("Pod", "more").spec.nodeName === "node1");
  const scheduled = await eventually(() =>
    cluster.list("Event").find((event) => event.reason === "Scheduled" && event.involvedObject.name === "more"),
  );
  assert.equal(scheduled.message, "Successfully assigned default/more to node1");
  assert.equal(scheduled.source?.component, "default-scheduler");
});

test("gated pods, pods of other schedulers and pods whose claims cannot be had stay as they are", async (t) => {
  const cluster = await liveCluster(t);
  await pod(cluster, "gated", { schedulingGates: [{ name: "example.com/wait" }] });
  await pod(cluster, "foreign", { schedulerName: "mine" });
  await pod(cluster, "claim", { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "disk" } }] });
  await eventually(() => /scheduling gates/.test(why(cluster, "gated") ?? ""));
  await eventually(() => why(cluster, "claim") === '0/1 nodes are available: persistentvolumeclaim "disk" not found.');
  assert.equal(why(cluster, "foreign"), undefined);
  assert.equal(cluster.get("Pod", "gated").spec.nodeName, undefined);
  await cluster.change("Pod", "gated", ({ spec }) => void delete spec.schedulingGates);
  await eventually(() => cluster.get("Pod", "gated").spec.nodeName === "node1");
});

test("pods of one owner are spread over nodes, and a cordoned node gets none", async (t) => {
  const cluster = await liveCluster(t, { nodes: ["node1", "node2", "node3"] });
  await cluster.change("Node", "node3", ({ spec }) => void (spec.unschedulable = true));
  await cluster.objects.create("ReplicaSet", {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 6,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: asking("100m") } },
    },
  });
  await eventually(() => cluster.get("ReplicaSet", "web").status?.readyReplicas === 6);
  const on = cluster.list("Pod").map(({ spec }) => spec.nodeName);
  assert.deepEqual(
    ["node1", "node2", "node3"].map((node) => on.filter((name) => name === node).length),
    [3, 3, 0],
  );
});

test("five hundred pods are made, placed and counted in seconds", async (t) => {
  const cluster = await liveCluster(t);
  await cluster.objects.create("ReplicationController", {
    metadata: { name: "many", namespace: "default" },
    spec: {
      replicas: 500,
      selector: { app: "many" },
      template: { metadata: { labels: { app: "many" } }, spec: { containers: asking("1m") } },
    },
  });
  await eventually(() => cluster.get("ReplicationController", "many").status?.readyReplicas === 500, {
    timeoutMs: 60_000,
  });
  assert.equal(cluster.list("Pod").length, 500);
  assert.deepEqual(cluster.warnings, []);
});
