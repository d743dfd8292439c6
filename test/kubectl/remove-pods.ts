import type { AgentProcess } from "../support/agent-process.ts";

/** Takes away what the pods of these namespaces left in Podman; for after the agent's end, before its place goes. */
export async function removePods(agent: AgentProcess, namespaces: readonly string[]): Promise<void> {
  const format = '{{.Id}} {{index .Labels "io.podman-swarm.pod-namespace"}}';
  const pods = await agent.run(["podman", "pod", "ls", "--no-trunc", "--format", format]);
  const ours = pods
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, namespace]) => namespace !== undefined && namespaces.includes(namespace));
  const ids = ours.flatMap(([id]) => id ?? []);
  if (ids.length > 0) await agent.run(["podman", "pod", "rm", "--force", "--time", "0", ...ids]);
}
