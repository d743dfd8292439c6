import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { replicationMetrics } from "./replication-metrics.ts";

test("replication is counted, and objects from the future are an Event of the node that refuses them", () => {
  const [metrics, events] = [new Metrics(), [] as string[]];
  const observer = replicationMetrics({
    metrics,
    recorder: {
      record: ({ regarding, reason, message }) => void events.push(`${regarding.name} ${reason} ${message}`),
    },
    logger: silentLogger,
    nodeName: "n1",
    backlog: () => ({ waiting: 2, oldestMs: 1500 }),
  });
  observer.exchanged("push", "done");
  observer.exchanged("repair", "failed");
  observer.received(0, "push");
  observer.received(3, "repair");
  const key = { resource: "pods", namespace: "default", name: "a" };
  observer.refused("n2", [key, { ...key, name: "b" }]);
  const lines = metrics
    .text()
    .split("\n")
    .filter((line) => !line.startsWith("#") && line !== "");
  assert.deepEqual(lines, [
    "podman_swarm_replication_waiting 2",
    "podman_swarm_replication_lag_seconds 1.5",
    'podman_swarm_replication_exchanges_total{how="push",result="done"} 1',
    'podman_swarm_replication_exchanges_total{how="repair",result="failed"} 1',
    'podman_swarm_replication_received_total{how="repair"} 3',
    "podman_swarm_replication_refused_total 2",
  ]);
  assert.equal(events.length, 1);
  assert.match(events[0] ?? "", /^n1 ObjectFromTheFuture Refused 2 objects that n2 has sent: /);
});
