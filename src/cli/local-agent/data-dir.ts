import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";

/** Where an agent with these flags keeps its state, as the agent itself decides it. */
export function dataDirOf(flags: readonly string[], env: NodeJS.ProcessEnv): string {
  const index = flags.findLastIndex((word) => word === "--data-dir" || word.startsWith("--data-dir="));
  const word = flags[index];
  const given = word === "--data-dir" ? flags[index + 1] : word?.slice("--data-dir=".length);
  const chosen = given ?? env["PODMAN_SWARM_DATA_DIR"];
  if (chosen) return resolve(chosen);
  if (userInfo().uid === 0) return "/var/lib/podman-swarm";
  return join(env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"), "podman-swarm");
}
