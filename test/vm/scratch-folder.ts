import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/root.ts";

/** Where everything of the virtual machine is kept. */
export const KEPT: string = join(root, ".cache/vm");

const PREFIX = "run-";

/** Makes a folder of this run's own. Those of runs that were killed are removed first. */
export function scratchFolder(): string {
  mkdirSync(KEPT, { recursive: true });
  for (const name of readdirSync(KEPT).filter((one) => one.startsWith(PREFIX))) {
    if (!existsSync(`/proc/${name.slice(PREFIX.length)}`)) rmSync(join(KEPT, name), { recursive: true });
  }
  const folder = join(KEPT, `${PREFIX}${process.pid}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}
