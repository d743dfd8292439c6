import {
  chmod,
  chown,
  mkdir,
  readFile,
  readlink,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";

/** A volume's files by relative path. */
export type FileTree = ReadonlyMap<string, { readonly data: Buffer; readonly mode: number }>;

const HIDDEN = /^\.\.[^/]+$/;

/**
 * Writes a volume's files so that a reader sees all of the old or all of the new: a new hidden directory, and one link
 * `..data` that is renamed onto the old one (the layout that Kubernetes' volumes have). True when something changed.
 */
export async function writeFileTree(
  directory: string,
  files: FileTree,
  { version, gid }: { readonly version: string; readonly gid?: number | undefined },
): Promise<boolean> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  const current = await readlink(join(directory, "..data")).catch(missing);
  // Removed below. Containers cannot write here; should one ever, it must not choose what that is.
  if (current !== undefined && !HIDDEN.test(current)) throw new Error(`Cannot renew ${directory}: ..data leads away`);
  if (current !== undefined && (await same(join(directory, current), files))) return false;
  const hidden = `..${version}`;
  await rm(join(directory, hidden), { recursive: true, force: true });
  await mkdir(join(directory, hidden), { mode: 0o755 });
  for (const [path, { data, mode }] of files) {
    const target = join(directory, hidden, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, data, { mode: 0o600 });
    await chmod(target, gid === undefined ? mode : mode | 0o040);
    if (gid !== undefined) await chown(target, process.getuid?.() ?? 0, gid);
  }
  // A process that was killed between the two leaves it.
  await rm(join(directory, "..data_tmp"), { force: true });
  await symlink(hidden, join(directory, "..data_tmp"));
  await rename(join(directory, "..data_tmp"), join(directory, "..data"));
  await linkNames(directory, files);
  if (current !== undefined && current !== hidden) await rm(join(directory, current), { recursive: true, force: true });
  return true;
}

/** The visible names: links through `..data`, one for each first part of a path. */
async function linkNames(directory: string, files: FileTree): Promise<void> {
  const wanted = new Set([...files.keys()].map((path) => path.split("/")[0] ?? path));
  for (const name of await readdir(directory)) {
    if (!name.startsWith("..") && !wanted.delete(name)) await rm(join(directory, name), { force: true });
  }
  for (const name of wanted) await symlink(join("..data", name), join(directory, name));
}

async function same(directory: string, files: FileTree): Promise<boolean> {
  const present = await readdir(directory, { recursive: true, withFileTypes: true }).catch(missing);
  if (!present || present.filter((entry) => !entry.isDirectory()).length !== files.size) return false;
  for (const [path, { data, mode }] of files) {
    const found = await readFile(join(directory, path)).catch(missing);
    if (!found?.equals(data)) return false;
    const { mode: actual } = await stat(join(directory, path));
    if ((actual & mode & 0o777) !== mode) return false;
  }
  return true;
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
