import { accessSync, constants } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { packaging } from "../../lib/packaging.ts";

const NAME = "podman-swarm-agent";

/** The words that start the agent that belongs to this psctl, or else the one in PATH. */
export function agentProgram(env: NodeJS.ProcessEnv): readonly [string, ...string[]] {
  const script = process.argv[1] ?? "";
  if (packaging === "source") {
    return [process.execPath, resolve(import.meta.dirname, "../../daemon/main.ts")];
  }
  // A bundle lies in lib/HASH/ beside its launchers.
  const beside = packaging === "executable" ? dirname(process.execPath) : resolve(dirname(script), "../..");
  const places = [beside, ...(env["PATH"] ?? "").split(delimiter)].map((folder) => join(folder, NAME));
  const found = places.find(isProgram);
  if (found === undefined) {
    throw new Error(`Cannot start an agent: there is no ${NAME} beside psctl (${beside}) and none in PATH`);
  }
  return [found];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // the next place is tried
  }
}
