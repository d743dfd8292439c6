import type { ClusterListenerDeps } from "../../security/cluster-port/cluster-listener.ts";
import type { State } from "../agent/state.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { ClusterMetrics } from "./cluster-metrics.ts";

/** Every refusal and every join is an Event of this node, which the recorder keeps from becoming too many. */
export function portEvents(
  { nodeName }: AgentConfig,
  { state, metrics }: { readonly state: State; readonly metrics: ClusterMetrics },
): Pick<ClusterListenerDeps, "refused" | "joined"> {
  const recorder = state.recorder({ component: "podman-swarm-cluster", host: nodeName });
  const regarding = { kind: "Node", apiVersion: "v1", name: nodeName };
  return {
    refused: (refusal) => {
      metrics.refused(refusal);
      const { reason, message, source, nodeName: named } = refusal;
      const who = named === undefined ? source : `${JSON.stringify(named)} at ${source}`;
      recorder.record({
        regarding,
        type: "Warning",
        reason,
        message: `Refused ${who} on the cluster port: ${message}`,
      });
    },
    joined: ({ nodeName: name, source, token }) => {
      metrics.joined();
      recorder.record({
        regarding,
        type: "Normal",
        reason: "NodeJoined",
        message: `${name} at ${source} joined with the token ${token}`,
      });
    },
  };
}
