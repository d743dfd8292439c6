import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kinds } from "../../src/api/kinds.ts";
import { eventually } from "../poll.ts";
import { liveCluster, type LiveCluster } from "./live-cluster.ts";
import { BAD_IMAGE } from "./small-kubelet.ts";

async function deployed(cluster: LiveCluster, replicas: number, image = "localhost/web:1"): Promise<void> {
  const ports = [{ name: "http", containerPort: 8080 }];
  await cluster.objects.create("Deployment", {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image, ports }] } },
    },
  });
}

const service = (spec: Partial<NonNullable<Kinds["Service"]["spec"]>>) => ({
  metadata: { name: "web", namespace: "default" },
  spec: { selector: { app: "web" }, ports: [{ name: "main", port: 80, targetPort: "http" as never }], ...spec },
});

const addresses = (cluster: LiveCluster): number =>
  cluster.list("EndpointSlice").flatMap(({ endpoints }) => endpoints ?? []).length;

test("a service's slices and Endpoints follow its pods, ports by name", async (t) => {
  const cluster = await liveCluster(t);
  await cluster.objects.create("Service", service({}));
  await deployed(cluster, 3);
  await eventually(() => addresses(cluster) === 3);
  await eventually(() => cluster.find("Endpoints", "web")?.subsets?.[0]?.addresses?.length === 3);
  const full = () => cluster.list("EndpointSlice").find(({ endpoints }) => (endpoints ?? []).length === 3);
  await eventually(() => full()?.endpoints?.every(({ conditions }) => conditions?.ready));
  const slice = full();
  assert.deepEqual(slice?.ports, [{ name: "main", port: 8080, protocol: "TCP" }]);
  assert.equal(slice?.metadata.labels?.["kubernetes.io/service-name"], "web");
  assert.deepEqual(slice?.endpoints?.[0]?.conditions, { ready: true, serving: true, terminating: false });
  assert.equal(slice?.endpoints?.[0]?.nodeName, "node1");
  await cluster.change("Deployment", "web", ({ spec }) => void (spec.replicas = 1));
  await eventually(() => addresses(cluster) === 1);
  await eventually(() => cluster.list("EndpointSlice").length === 1);
  await cluster.objects.delete("Service", { namespace: "default", name: "web" });
  await eventually(() => cluster.list("EndpointSlice").length === 0 && cluster.list("Endpoints").length === 0);
});

test("slices hold a hundred endpoints each", async (t) => {
  const cluster = await liveCluster(t);
  await deployed(cluster, 250);
  await cluster.objects.create("Service", service({ clusterIP: "None" }));
  await eventually(() => addresses(cluster) === 250);
  const sizes = cluster.list("EndpointSlice").map(({ endpoints }) => (endpoints ?? []).length);
  assert.ok(Math.max(...sizes) <= 100, `sizes ${sizes.join()}`);
});

test("pods that are not ready are there only for a service that publishes them", async (t) => {
  const cluster = await liveCluster(t);
  await deployed(cluster, 1, BAD_IMAGE);
  await cluster.objects.create("Service", service({ publishNotReadyAddresses: true }));
  await eventually(() => cluster.list("Pod").length === 1);
  const pod = cluster.list("Pod")[0];
  await eventually(async () => {
    const current = cluster.get("Pod", pod?.metadata.name ?? "");
    const { resourceVersion: _, ...metadata } = current.metadata;
    const status = { ...current.status, podIP: "10.42.9.9", podIPs: [{ ip: "10.42.9.9" }] };
    await cluster.objects.updateStatus("Pod", { ...current, metadata, status });
    return true;
  });
  await eventually(() => cluster.list("EndpointSlice")[0]?.endpoints?.[0]?.conditions?.ready === true);
  assert.equal(cluster.list("EndpointSlice")[0]?.endpoints?.[0]?.conditions?.serving, false);
  await cluster.change("Service", "web", ({ spec }) => void (spec.publishNotReadyAddresses = false));
  await eventually(() => cluster.list("EndpointSlice")[0]?.endpoints?.[0]?.conditions?.ready === false);
  await eventually(() => cluster.get("Endpoints", "web").subsets?.[0]?.notReadyAddresses?.length === 1);
});

test("Endpoints that a user keeps for a service without a selector are mirrored", async (t) => {
  const cluster = await liveCluster(t);
  const ports = [{ port: 80 }];
  const metadata = { name: "web", namespace: "default" };
  await cluster.objects.create("Service", { metadata, spec: { ports } });
  const subsets = [{ addresses: [{ ip: "192.0.2.7" }], ports: [{ port: 8080, protocol: "TCP" }] }];
  await cluster.objects.create("Endpoints", { metadata, subsets });
  await eventually(() => cluster.list("EndpointSlice")[0]?.endpoints?.[0]?.addresses[0] === "192.0.2.7");
  const labels = cluster.list("EndpointSlice")[0]?.metadata.labels ?? {};
  assert.equal(labels["endpointslice.kubernetes.io/managed-by"], "endpointslicemirroring-controller.k8s.io");
  await cluster.settled();
  assert.equal(cluster.list("Endpoints").length, 1);
});
