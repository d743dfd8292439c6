import { constants } from "node:fs";
import { mkdir, open, realpath, type FileHandle } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";

/** Linux's O_PATH (`fcntl.h`, the same on x64 and arm64), which Node has no name for: a place, whatever is there. */
const O_PATH = 0o10000000;

/** Why a subPath is refused. */
export class SubPathError extends Error {}

/**
 * Opens what `subPath` names below `root`, as a directory made anew where nothing is. Whoever writes to the volume may
 * put links into it at any moment: links are followed only where they stay inside, and what was found to be inside is
 * then opened step by step without following any, so that nothing outside is ever opened, made or mounted. The caller
 * closes the handle.
 */
export async function openSubPath(root: string, subPath: string): Promise<FileHandle> {
  if (isAbsolute(subPath) || subPath.split("/").includes("..")) {
    throw new SubPathError(`subPath ${subPath} must stay within the volume`);
  }
  const base = await realpath(root);
  const { existing, missing } = await resolved(join(base, subPath));
  if (existing !== base && !existing.startsWith(base + sep)) {
    throw new SubPathError(`subPath ${subPath} leads out of the volume`);
  }
  const inside = relative(base, existing);
  let at = await open(base, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    for (const name of inside === "" ? [] : inside.split(sep)) at = await step(at, name, subPath);
    for (const name of missing) {
      await mkdir(below(at, name), { mode: 0o777 }).catch(unlessThere);
      at = await step(at, name, subPath);
    }
    return at;
  } catch (error) {
    await at.close();
    throw error;
  }
}

/** The path without links as far as it exists, and the names of what does not. */
async function resolved(path: string): Promise<{ existing: string; missing: readonly string[] }> {
  const missing: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    try {
      return { existing: await realpath(at), missing };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      missing.unshift(basename(at));
    }
  }
}

/** Goes on to a name that must be no link, and closes where it came from. */
async function step(at: FileHandle, name: string, subPath: string): Promise<FileHandle> {
  const next = await open(below(at, name), O_PATH | constants.O_NOFOLLOW);
  if ((await next.stat()).isSymbolicLink()) {
    await next.close();
    throw new SubPathError(`subPath ${subPath} leads out of the volume`);
  }
  await at.close();
  return next;
}

function below(at: FileHandle, name: string): string {
  return `/proc/self/fd/${at.fd}/${name}`;
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
