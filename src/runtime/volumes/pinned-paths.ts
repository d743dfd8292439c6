import { mkdir, open, readdir, readFile, readlink, rmdir, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { runMount } from "./run-mount.ts";

/**
 * Paths that mean what was opened even if somebody replaces it by a link before Podman mounts it: binds below a
 * directory that no container reaches. Without root there are no mounts of ours, and the path that was found is given:
 * a race that a container wins there leads to what the agent's own user may do, no further.
 */
export class PinnedPaths {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A path for what is open, by `name`; the one that had the name before goes. */
  async pin(what: FileHandle, name: string): Promise<string> {
    if (process.getuid?.() !== 0) return await readlink(`/proc/self/fd/${what.fd}`);
    const target = join(this.#directory, name);
    await this.#unpin(target);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if ((await what.stat()).isDirectory()) await mkdir(target, { mode: 0o700 });
    else await (await open(target, "wx", 0o600)).close();
    await runMount(["mount", "--bind", `/proc/${process.pid}/fd/${what.fd}`, target]);
    return target;
  }

  /** Removes all pins. What they lead to is never touched: only an empty directory or file that is no mount can go. */
  async remove(): Promise<void> {
    const names = await readdir(this.#directory).catch(missing);
    for (const name of names ?? []) await this.#unpin(join(this.#directory, name));
    if (names) await rmdir(this.#directory);
  }

  async #unpin(target: string): Promise<void> {
    const mounts = await readFile("/proc/self/mounts", "utf8");
    if (mounts.includes(` ${target} `)) await runMount(["umount", target]);
    await rmdir(target).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOTDIR") await unlink(target);
      else missing(error);
    });
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
