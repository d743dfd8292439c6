import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../../scripts/root.ts";
import { KEPT } from "./scratch-folder.ts";

const PREFIX = "debian-";
const RECIPE = join(import.meta.dirname, "image");

/** Files of a system that QEMU boots. */
export interface SystemImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

/** Made on first use and when the recipe changes, from Debian's mirror. `scratch` is a folder beside those kept. */
export function systemImage(scratch: string): SystemImage {
  const folder = join(KEPT, `${PREFIX}${recipeHash()}`);
  if (existsSync(folder)) console.log(`vm: the image is there: ${relative(root, folder)}`);
  else makeImage(folder, scratch);
  return {
    disk: join(folder, "disk.img"),
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.img"),
  };
}

function recipeHash(): string {
  const hash = createHash("sha256");
  const files = readdirSync(RECIPE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.toSorted()) hash.update(relative(RECIPE, file)).update(readFileSync(file));
  return hash.digest("hex").slice(0, 12);
}

/** Made aside and moved, so that an image that is there is whole. Images of older recipes go. */
function makeImage(folder: string, scratch: string): void {
  console.log(`vm: making ${relative(root, folder)} once, from Debian's packages`);
  const old = readdirSync(KEPT).filter((name) => name.startsWith(PREFIX));
  for (const name of old) rmSync(join(KEPT, name), { recursive: true });
  const aside = join(scratch, "image");
  mkdirSync(aside);
  execFileSync("nice", ["-n", "15", join(RECIPE, "make"), aside], { stdio: ["ignore", "inherit", "inherit"] });
  renameSync(aside, folder);
}
