import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../poll.ts";
import { liveCluster } from "./live-cluster.ts";

test("pods that cannot be made are told of in conditions and Events, and made once they can be", async (t) => {
  const cluster = await liveCluster(t);
  const containers = [{ name: "web", image: "localhost/web:1" }];
  await cluster.objects.create("Deployment", {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers, priorityClassName: "urgent" } },
    },
  });
  const failure = () =>
    cluster.find("Deployment", "web")?.status?.conditions?.find(({ type }) => type === "ReplicaFailure");
  await eventually(() => failure()?.reason === "FailedCreate");
  assert.match(failure()?.message ?? "", /no PriorityClass with name urgent/);
  const event = await eventually(() => cluster.list("Event").find(({ reason }) => reason === "FailedCreate"));
  assert.match(event.message ?? "", /^Error creating: pods "web-/);
  assert.equal(event.involvedObject.kind, "ReplicaSet");
  await cluster.objects.create("PriorityClass", { metadata: { name: "urgent" }, value: 5 });
  await eventually(() => cluster.get("Deployment", "web").status?.availableReplicas === 2);
  await eventually(() => failure() === undefined);
});
