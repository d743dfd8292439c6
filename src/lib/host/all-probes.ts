import { describeError } from "../log.ts";
import type { Finding, HostProbe, HostQuestion } from "./host-probe.ts";
import { hostTools, nftables, runtimeDirectory, userNamespaces, userNetwork } from "./probe-namespaces.ts";
import { cgroups, containerRuntime, networkBackend, podmanSocket, podmanVersion } from "./probe-podman.ts";
import { agentPorts } from "./probe-ports.ts";
import { clock, disk, forwarding, resolvers } from "./probe-system.ts";

/** Everything that the product needs from a host, what others build on first. */
export const HOST_PROBES: readonly HostProbe[] = [
  podmanVersion,
  userNamespaces,
  runtimeDirectory,
  userNetwork,
  podmanSocket,
  networkBackend,
  cgroups,
  containerRuntime,
  hostTools,
  nftables,
  forwarding,
  agentPorts,
  clock,
  resolvers,
  disk,
];

export interface NamedFinding extends Finding {
  readonly name: string;
}

/** Runs the probes one after another: some start containers. A probe that breaks is a failed one. */
export async function* probeHost(
  question: HostQuestion,
  options: { readonly signal: AbortSignal; readonly probes?: readonly HostProbe[] },
): AsyncGenerator<NamedFinding> {
  for (const probe of options.probes ?? HOST_PROBES) {
    options.signal.throwIfAborted();
    try {
      yield { name: probe.name, ...(await probe.run(question, options.signal)) };
    } catch (error) {
      options.signal.throwIfAborted();
      yield { name: probe.name, result: "fail", detail: describeError(error), fix: "look at the message" };
    }
  }
}
