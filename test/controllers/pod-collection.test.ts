import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterView } from "../../src/controllers/cluster-view.ts";
import { PodCollectionController } from "../../src/controllers/pod-collection.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { localObjects } from "./local-objects.ts";

test("pods of a node that is gone are given up after a while, and old finished pods beyond a number", async (t) => {
  const objects = await localObjects(t);
  const containers = [{ name: "main", image: "localhost/web:1" }];
  const add = async (name: string, { node = "n1", phase = "Running" } = {}): Promise<void> => {
    const pod = await objects.create("Pod", {
      metadata: { name, namespace: "default" },
      spec: { containers, nodeName: node },
    });
    await objects.updateStatus("Pod", { ...pod, status: { phase } });
  };
  await objects.create("Node", { metadata: { name: "n1" }, spec: {} });
  await add("stays");
  await add("lost", { node: "gone" });
  for (const name of ["done-1", "done-2", "done-3"]) await add(name, { phase: "Succeeded" });
  let now = 0;
  const clock = { ...systemClock, monotonic: () => now };
  const controller = new PodCollectionController(
    { view: new ClusterView({ objects }), clock },
    { terminatedPodThreshold: 1, quarantineMs: 40_000 },
  );
  const deleted = (): string[] =>
    controller
      .decide()
      .stages.flat()
      .flatMap((write) => (write.verb === "delete" ? [write.ref.name] : []));
  assert.deepEqual(deleted(), ["done-1", "done-2"]);
  now = 39_999;
  assert.deepEqual(deleted(), ["done-1", "done-2"]);
  now = 40_000;
  assert.deepEqual(deleted(), ["lost", "done-1", "done-2"]);
  await objects.create("Node", { metadata: { name: "gone" }, spec: {} });
  assert.deepEqual(deleted(), ["done-1", "done-2"]);
});
