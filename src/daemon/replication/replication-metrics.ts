import type { EventRecorder } from "../../api/objects.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { keyId } from "../../store/object-state.ts";
import type { ReplicatorObserver } from "../../store/replication/replicator.ts";

export interface ReplicationMetricsDeps {
  readonly metrics: Metrics;
  readonly recorder: EventRecorder;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly backlog: () => { readonly waiting: number; readonly oldestMs: number };
}

/** Counts what is replicated; what is refused is an Event of this node, too. */
export function replicationMetrics(deps: ReplicationMetricsDeps): ReplicatorObserver {
  const { metrics, recorder, logger, nodeName, backlog } = deps;
  metrics.reading(
    "podman_swarm_replication_waiting",
    "Changes that living members have not got yet; a member to compare with counts as one.",
    () => backlog().waiting,
  );
  metrics.reading(
    "podman_swarm_replication_lag_seconds",
    "For how long the oldest of them has waited.",
    () => backlog().oldestMs / 1000,
  );
  const exchanges = metrics.counter(
    "podman_swarm_replication_exchanges_total",
    "Pushes to other members and comparisons with them (repair), by outcome.",
  );
  const received = metrics.counter(
    "podman_swarm_replication_received_total",
    "Objects of other members that were merged here, pushed or found by comparing (repair).",
  );
  const refused = metrics.counter(
    "podman_swarm_replication_refused_total",
    "Objects of other members that were not taken: their time is too far ahead of this node's.",
  );
  return {
    exchanged: (how, result) => exchanges.add({ how, result }),
    received: (count, how) => {
      if (count > 0) received.add({ how }, count);
    },
    refused: (from, keys) => {
      refused.add({}, keys.length);
      logger.warn("refused objects from the future", { node: from, objects: keys.map(keyId).join(" ") });
      recorder.record({
        regarding: { kind: "Node", apiVersion: "v1", name: nodeName },
        type: "Warning",
        reason: "ObjectFromTheFuture",
        message:
          `Refused ${keys.length} objects that ${from} has sent: they were written by a clock more than five minutes ` +
          "ahead of this node's. They are taken once their time has come; compare the nodes' clocks",
      });
    },
  };
}
