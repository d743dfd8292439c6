import type { Report } from "../../membership/protocol/effects.ts";
import type { State } from "../agent/state.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { formatAddress } from "./member-address.ts";

/**
 * What strangers and misconfigured members do to the gossip, as Events of this node and as metrics. The membership
 * reports one a minute for each reason and source.
 */
export function gossipEvents(
  { nodeName }: Pick<AgentConfig, "nodeName">,
  state: Pick<State, "recorder" | "metrics">,
): (report: Report) => void {
  // A source of its own: what strangers do must not use up what may be said of joining.
  const recorder = state.recorder({ component: "podman-swarm-gossip", host: nodeName });
  const regarding = { kind: "Node", apiVersion: "v1", name: nodeName };
  const warn = (reason: string, message: string): void =>
    recorder.record({ regarding, type: "Warning", reason, message });
  const refused = state.metrics.counter(
    "podman_swarm_gossip_refused_total",
    "Packets and streams of gossip that were refused, by reason; later ones of a minute are added at its end.",
  );
  const unheard = state.metrics.counter(
    "podman_swarm_gossip_unheard_total",
    "Refusals of this node's gossip that others answered.",
  );
  return (report) => {
    if (report.kind === "refused") {
      const { reason, transport, host, why } = report.refusal;
      refused.add({ reason, transport }, report.count);
      warn(reason, `Refused gossip of ${host} (by ${transport}): ${why}`);
    } else if (report.kind === "unheard") {
      const { host, port, said, likely } = report.unheard;
      unheard.add({}, report.count);
      warn(
        "GossipUnheard",
        `${formatAddress({ host, port })} refuses this node's gossip: ${likely}. It says: ${JSON.stringify(said)}`,
      );
    } else if (report.kind === "conflict") {
      const { member, other } = report;
      const second = `${formatAddress(other)} says that it is ${member.name}, which is at ${formatAddress(member)}`;
      warn("NameTaken", `${second}: the name stays there. Give the other node another one with --node-name`);
    }
  };
}
