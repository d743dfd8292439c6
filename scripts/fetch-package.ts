import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** One exact npm package, of which files are used without installing it. */
export interface PinnedPackage {
  readonly package: string;
  readonly version: string;
  /** As npm's lock file writes it: sha512 in base64. */
  readonly integrity: string;
}

/** Fetches a package through npm, checks its digest and unpacks one file of it below `folder`. Resolves with its path. */
export async function fetchFromPackage(pin: PinnedPackage, folder: string, file: string): Promise<string> {
  const name = `${pin.package}@${pin.version}`;
  const { stdout } = await run("npm", ["pack", name, "--silent", "--pack-destination", folder], { cwd: folder });
  const archive = join(folder, stdout.trim().split("\n").at(-1) ?? "");
  const digest = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (digest !== pin.integrity) throw new Error(`Cannot use ${name}: its digest is ${digest}, not ${pin.integrity}`);
  const inside = join("package", file);
  await run("tar", ["-xzf", archive, "-C", folder, inside]);
  return join(folder, inside);
}
