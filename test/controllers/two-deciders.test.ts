import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../poll.ts";
import { liveCluster } from "./live-cluster.ts";

test("two nodes that both decide make one set of everything, and agree on what goes", async (t) => {
  const cluster = await liveCluster(t, { deciders: 2 });
  const made: Record<string, Set<string>> = {};
  const stop = new AbortController();
  for (const kind of ["ReplicaSet", "Pod", "ServiceAccount", "Endpoints"] as const) {
    const uids = (made[kind] = new Set<string>());
    cluster.objects.watch(kind, ({ object }) => void uids.add(object.metadata?.uid ?? ""), stop.signal);
  }
  const containers = [{ name: "web", image: "localhost/web:1" }];
  await cluster.objects.create("Service", {
    metadata: { name: "web", namespace: "default" },
    spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
  });
  await cluster.objects.create("Deployment", {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 20,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers } },
    },
  });
  await eventually(() => cluster.find("Deployment", "web")?.status?.availableReplicas === 20);
  await eventually(() => cluster.list("EndpointSlice").flatMap(({ endpoints }) => endpoints ?? []).length === 20);
  await cluster.change("Deployment", "web", ({ spec }) => void (spec.replicas = 5));
  await eventually(() => cluster.list("Pod").length === 5 && cluster.get("Deployment", "web").status?.replicas === 5);
  await cluster.settled();
  assert.equal(cluster.list("Pod").length, 5);
  stop.abort();
  assert.equal(made["ReplicaSet"]?.size, 1);
  assert.equal(made["Pod"]?.size, 20);
  assert.equal(made["Endpoints"]?.size, 1);
  assert.deepEqual(cluster.warnings, []);
});
