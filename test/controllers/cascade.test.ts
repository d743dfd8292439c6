import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeleteOptions } from "../../src/api/objects.ts";
import { eventually } from "../poll.ts";
import { liveCluster, type LiveCluster } from "./live-cluster.ts";

const pod = (name: string) => ({ containers: [{ name, image: "localhost/web:1" }] });

async function deployed(cluster: LiveCluster, namespace = "default"): Promise<void> {
  await cluster.objects.create("Deployment", {
    metadata: { name: "web", namespace },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: pod("web") },
    },
  });
  await eventually(() => cluster.find("Deployment", "web", namespace)?.status?.availableReplicas === 3);
}

const counts = (cluster: LiveCluster): number[] => [
  cluster.list("Deployment").length,
  cluster.list("ReplicaSet").length,
  cluster.list("Pod").length,
];

const CASCADES: { policy: DeleteOptions["propagationPolicy"]; left: number[] }[] = [
  { policy: "Background", left: [0, 0, 0] },
  { policy: "Foreground", left: [0, 0, 0] },
  { policy: "Orphan", left: [0, 1, 3] },
];

for (const { policy, left } of CASCADES) {
  test(`deleting a deployment in ${String(policy)} mode leaves ${left.join(", ")} deployments, sets and pods`, async (t) => {
    const cluster = await liveCluster(t);
    await deployed(cluster);
    const options: DeleteOptions = policy ? { propagationPolicy: policy } : {};
    await cluster.objects.delete("Deployment", { namespace: "default", name: "web" }, options);
    await eventually(() => counts(cluster).join() === left.join());
    await cluster.settled();
    assert.deepEqual(counts(cluster), left);
    const owners = cluster.list("ReplicaSet").flatMap(({ metadata }) => metadata.ownerReferences ?? []);
    assert.deepEqual(owners, []);
    assert.deepEqual(cluster.warnings, []);
  });
}

test("in foreground mode an owner is there as long as a dependent is", async (t) => {
  const cluster = await liveCluster(t);
  await deployed(cluster);
  const order: string[] = [];
  const stop = new AbortController();
  for (const kind of ["Deployment", "ReplicaSet", "Pod"] as const) {
    cluster.objects.watch(kind, ({ type }) => type === "DELETED" && order.push(kind), stop.signal);
  }
  const ref = { namespace: "default", name: "web" };
  await cluster.objects.delete("Deployment", ref, { propagationPolicy: "Foreground" });
  await eventually(() => order.length === 5);
  stop.abort();
  assert.deepEqual(order, ["Pod", "Pod", "Pod", "ReplicaSet", "Deployment"]);
});

test("an orphaned set is adopted by a deployment of the same selector and template", async (t) => {
  const cluster = await liveCluster(t);
  await deployed(cluster);
  const before = cluster.list("Pod").map(({ metadata }) => metadata.uid);
  const ref = { namespace: "default", name: "web" };
  await cluster.objects.delete("Deployment", ref, { propagationPolicy: "Orphan" });
  await eventually(() => counts(cluster).join() === "0,1,3");
  await deployed(cluster);
  assert.deepEqual(counts(cluster), [1, 1, 3]);
  assert.deepEqual(
    cluster.list("Pod").map(({ metadata }) => metadata.uid),
    before,
  );
});

test("a namespace goes with everything in it, and can be made again", async (t) => {
  const cluster = await liveCluster(t);
  await cluster.objects.create("Namespace", { metadata: { name: "shop" } });
  await eventually(() => cluster.find("ConfigMap", "kube-root-ca.crt", "shop")?.data?.["ca.crt"] === "PEM");
  await deployed(cluster, "shop");
  await cluster.objects.create("Secret", {
    metadata: { name: "key", namespace: "shop", finalizers: ["example.com/x"] },
  });
  await cluster.objects.delete("Namespace", { name: "shop" });
  await eventually(() => {
    const { phase, conditions } = cluster.get("Namespace", "shop").status ?? {};
    assert.equal(phase, "Terminating");
    const held = conditions?.find(({ type }) => type === "NamespaceFinalizersRemaining");
    assert.match(held?.message ?? "", /example\.com\/x in 1 resource instances/);
    return cluster.list("Pod", "shop").length === 0;
  });
  const secret = cluster.get("Secret", "key", "shop");
  const { finalizers: _, ...metadata } = secret.metadata;
  await cluster.objects.update("Secret", { ...secret, metadata });
  await eventually(() => cluster.find("Namespace", "shop") === undefined);
  for (const kind of ["Deployment", "ReplicaSet", "Pod", "Secret", "ConfigMap", "ServiceAccount", "Event"] as const) {
    await eventually(() => cluster.list(kind, "shop").length === 0, { what: `no ${kind} in the namespace` });
  }
  await cluster.objects.create("Namespace", { metadata: { name: "shop" } });
  await eventually(() => cluster.find("ServiceAccount", "default", "shop") !== undefined);
});

test("what a namespace always has comes back when it is deleted", async (t) => {
  const cluster = await liveCluster(t);
  const uid = cluster.get("ServiceAccount", "default").metadata.uid;
  await cluster.objects.delete("ServiceAccount", { namespace: "default", name: "default" });
  await eventually(() => (cluster.find("ServiceAccount", "default")?.metadata.uid ?? uid) !== uid);
  await eventually(() => cluster.find("Namespace", "kube-node-lease") !== undefined);
});
