import { mkdir, stat, writeFile } from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { VolumeError } from "./volume-files.ts";

const CHECKS: Readonly<Record<string, { is(stats: Stats): boolean; what: string }>> = {
  Directory: { is: (stats) => stats.isDirectory(), what: "a directory" },
  DirectoryOrCreate: { is: (stats) => stats.isDirectory(), what: "a directory" },
  File: { is: (stats) => stats.isFile(), what: "a file" },
  FileOrCreate: { is: (stats) => stats.isFile(), what: "a file" },
  Socket: { is: (stats) => stats.isSocket(), what: "a socket file" },
  CharDevice: { is: (stats) => stats.isCharacterDevice(), what: "a character device" },
  BlockDevice: { is: (stats) => stats.isBlockDevice(), what: "a block device" },
};

/** Makes or checks a hostPath by its type (core/v1 `HostPathType`) and returns the path. */
export async function hostPath({
  path,
  type = "",
}: {
  readonly path: string;
  readonly type?: string;
}): Promise<string> {
  if (!isAbsolute(path)) throw new VolumeError(`hostPath ${path} is not absolute`);
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === "FileOrCreate") {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, "", { flag: "a", mode: 0o644 });
  }
  const check = CHECKS[type];
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    return undefined;
  });
  // Podman refuses to bind what is not there; upstream's runtimes make a directory of it.
  if (!found && type === "") await mkdir(path, { recursive: true, mode: 0o755 });
  else if (!found) throw new VolumeError(`hostPath type check failed: ${path} does not exist`);
  else if (check && !check.is(found)) throw new VolumeError(`hostPath type check failed: ${path} is not ${check.what}`);
  return path;
}
