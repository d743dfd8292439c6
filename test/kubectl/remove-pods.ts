import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Takes away what the pods of these namespaces left in Podman; for after the agent's end. */
export async function removePods(namespaces: readonly string[]): Promise<void> {
  const format = '{{.Id}} {{index .Labels "io.podman-swarm.pod-namespace"}}';
  const { stdout } = await run("podman", ["pod", "ls", "--no-trunc", "--format", format]);
  const ours = stdout
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, namespace]) => namespace !== undefined && namespaces.includes(namespace));
  const ids = ours.flatMap(([id]) => id ?? []);
  if (ids.length > 0) await run("podman", ["pod", "rm", "--force", "--time", "0", ...ids]);
}
