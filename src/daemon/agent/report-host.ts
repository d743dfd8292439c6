import { HOST_PROBES, probeHost } from "../../lib/host/all-probes.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { AgentDeps, State } from "./state.ts";

/** The start itself comes first: some probes start programs. */
const DELAY_MS = 3_000;

/**
 * Runs the probes of `psctl doctor` once, and tells what is amiss in the log and as Events on the Node. Ports are left
 * out: they are ours by now. Lasts until the signal.
 */
export async function reportHost(
  config: AgentConfig,
  { clock, logger, state, signal }: AgentDeps & { readonly state: State; readonly signal: AbortSignal },
): Promise<void> {
  const recorder = state.recorder({ component: "podman-swarm-agent", host: config.nodeName });
  const { rootless, dataDir, podmanSocket, upstreamDns, apiAddr, httpAddr } = config;
  const question = {
    rootless,
    dataDir,
    podmanSocket,
    resolvers: upstreamDns,
    ports: { api: apiAddr, http: httpAddr, ingress: [] },
  };
  const probes = HOST_PROBES.filter(({ name }) => name !== "ports");
  try {
    await clock.sleep(DELAY_MS, signal);
    for await (const { name, result, detail, fix } of probeHost(question, { signal, probes })) {
      if (result === "ok") continue;
      logger.warn(`This host lacks something: ${name}`, { result, detail, fix });
      const regarding = { kind: "Node", apiVersion: "v1", name: config.nodeName };
      recorder.record({
        regarding,
        type: "Warning",
        reason: "HostProbeFailed",
        message: `${name}: ${detail}${fix ? `; fix: ${fix}` : ""}`,
      });
    }
    await untilAborted(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
