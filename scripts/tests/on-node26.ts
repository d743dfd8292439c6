import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fetchFromPackage, type PinnedPackage } from "../fetch-package.ts";
import { root } from "../root.ts";

/** Runs an npm script, named by the argument, on Node 26: itself and whatever it starts. */
async function main(script: string): Promise<number> {
  const node = await node26();
  const child = spawn("npm", ["run", "-s", script], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PODMAN_SWARM_NODE: node },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** The pinned one, fetched once into .cache/node and checked against its digest. */
async function node26(): Promise<string> {
  const pins = JSON.parse(readFileSync(join(import.meta.dirname, "node26.json"), "utf8")) as Record<string, unknown>;
  const pin = pins[process.arch] as PinnedPackage | undefined;
  if (pin === undefined || process.platform !== "linux") {
    throw new Error(`Cannot run on Node 26: none is pinned for ${process.platform} on ${process.arch}`);
  }
  const folder = join(root, ".cache/node", pin.version);
  const file = join(folder, "node");
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, "unpack-"));
  try {
    renameSync(await fetchFromPackage(pin, work, "bin/node"), file);
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const [script] = process.argv.slice(2);
if (script === undefined) throw new Error("Cannot run on Node 26: say which npm script");
process.exitCode = await main(script);
