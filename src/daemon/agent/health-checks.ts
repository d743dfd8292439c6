import type { Objects } from "../../api/objects.ts";
import type { HealthCheck } from "../../apiserver/ports.ts";
import type { MeasuredStore } from "./measured-store.ts";
import type { Traffic } from "./traffic.ts";

export interface HealthCheckDeps {
  readonly store: MeasuredStore;
  readonly objects: Objects;
  readonly traffic: Traffic;
  readonly nodeName: string;
}

/** What is asked when somebody wants to know how this node is. */
export function healthChecks({ store, objects, traffic, nodeName }: HealthCheckDeps): readonly HealthCheck[] {
  const { network, dataplane } = traffic;
  return [
    { name: "store", of: "api", check: () => store.problem },
    // What the node reports of itself; Podman is part of it.
    { name: "node", of: "node", check: () => notReady(objects, nodeName) },
    { name: "pod-network", of: "node", check: () => network.problem },
    {
      name: "dataplane",
      of: "node",
      check: () => (dataplane.pid === undefined ? "the dataplane process is not connected" : undefined),
    },
  ];
}

function notReady(objects: Objects, name: string): string | undefined {
  const conditions = objects.get("Node", { name })?.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready?.status === "True") return undefined;
  return ready?.message ?? "the node has not reported yet";
}
