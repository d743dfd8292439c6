import type { Metrics } from "../../lib/metrics.ts";
import type { Refusal } from "../../security/cluster-port/refusal.ts";

export interface ClusterMetrics {
  refused(refusal: Refusal): void;
  joined(): void;
  /** What the membership counts, by its own names. */
  membership(counts: Readonly<Record<string, number>>): void;
}

/** `living` counts living members, this node too. */
export function clusterMetrics(metrics: Metrics, living: () => number): ClusterMetrics {
  const refusals = metrics.counter("podman_swarm_cluster_refusals_total", "Refused on the cluster port, by reason.");
  const joins = metrics.counter("podman_swarm_cluster_joins_total", "Nodes that have joined through this one.");
  metrics.reading("podman_swarm_cluster_members", "Living members, this node too.", living);
  const counts = metrics.gauge(
    "podman_swarm_membership",
    "What membership counts and holds, by name; since the start.",
  );
  return {
    refused: ({ reason }) => refusals.add({ reason }),
    joined: () => joins.add(),
    membership: (all) => {
      for (const [name, value] of Object.entries(all)) counts.set(value, { name });
    },
  };
}
