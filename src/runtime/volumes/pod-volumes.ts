import { chmod, chown, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Pod, Volume } from "../../api/kinds.ts";
import type { Objects } from "../../api/objects.ts";
import { parseQuantity } from "../../api/quantity.ts";
import type { Clock } from "../../lib/clock.ts";
import { runProgram } from "../../lib/host/run-program.ts";
import type { Placement } from "../env/field-value.ts";
import { writeFileTree } from "./file-tree.ts";
import { hostPath } from "./host-path.ts";
import { PinnedPaths } from "./pinned-paths.ts";
import { runMount } from "./run-mount.ts";
import { openSubPath } from "./sub-path.ts";
import { volumeFiles, VolumeError } from "./volume-files.ts";

export interface PodVolumesDeps {
  readonly objects: Pick<Objects, "get">;
  readonly clock: Clock;
  /** On disk: emptyDirs. */
  readonly diskDirectory: string;
  /** In memory (tmpfs), so that no Secret reaches the disk. */
  readonly memoryDirectory: string;
}

export interface PodVolume {
  /** Of the host; for a hostPath it may be a file. */
  readonly directory: string;
  /** Its files are ours to renew: containers only read them, whatever their mount says (as upstream). */
  readonly readOnly: boolean;
}

/** A pod's volumes as directories of the host, by volume name. */
export class PodVolumes {
  readonly #deps: PodVolumesDeps;

  constructor(deps: PodVolumesDeps) {
    this.#deps = deps;
  }

  /** Makes what is missing and renews files that changed; a repeat is cheap. Throws a `VolumeError` in upstream's words. */
  async prepare(pod: Pod, placement: Placement): Promise<ReadonlyMap<string, PodVolume>> {
    const volumes = new Map<string, PodVolume>();
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        const directory = await this.#one(volume, { pod, placement });
        volumes.set(volume.name, { directory, readOnly: !volume.hostPath && !volume.emptyDir });
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`;
        throw new VolumeError(message, { cause: error });
      }
    }
    return volumes;
  }

  /** A path for a part of a volume that holds even if a container puts a link there. Throws a `SubPathError`. */
  async subPath(uid: string, { directory }: PodVolume, part: { subPath: string; name: string }): Promise<string> {
    const opened = await openSubPath(directory, part.subPath);
    try {
      return await this.#pins(uid).pin(opened, part.name);
    } finally {
      await opened.close();
    }
  }

  /** No volume's name begins with a dot. */
  #pins(uid: string): PinnedPaths {
    return new PinnedPaths(join(this.#deps.memoryDirectory, uid, ".pinned"));
  }

  /** The pods of which something is here. */
  async uids(): Promise<string[]> {
    const found = await Promise.all([this.#deps.memoryDirectory, this.#deps.diskDirectory].map(namesIn));
    return [...new Set(found.flat())];
  }

  /** Removes everything of a pod; whatever its containers wrote into hostPaths stays. */
  async remove(uid: string): Promise<void> {
    await this.#pins(uid).remove();
    const memory = join(this.#deps.memoryDirectory, uid);
    const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" ")[1] ?? "");
    for (const mount of mounts) if (mount.startsWith(`${memory}/`)) await runMount(["umount", mount]);
    await removeTree(memory);
    await removeTree(join(this.#deps.diskDirectory, uid));
  }

  async #one(volume: Volume, { pod, placement }: { pod: Pod; placement: Placement }): Promise<string> {
    const uid = pod.metadata?.uid ?? "";
    const gid = pod.spec?.securityContext?.fsGroup;
    if (volume.hostPath) return hostPath(volume.hostPath);
    if (volume.emptyDir) {
      const memory = volume.emptyDir.medium === "Memory";
      const path = join(memory ? this.#deps.memoryDirectory : this.#deps.diskDirectory, uid, volume.name);
      await makeDirectory(path);
      if (memory) await mountMemory(path, volume.emptyDir.sizeLimit);
      await chmod(path, gid === undefined ? 0o777 : 0o2777);
      if (gid !== undefined && canChown()) await chown(path, 0, gid);
      return path;
    }
    const files = volumeFiles(volume, { objects: this.#deps.objects, placement, pod });
    if (!files) throw new VolumeError(`this type of volume is not supported yet`);
    const path = join(this.#deps.memoryDirectory, uid, volume.name);
    await makeDirectory(path);
    const version = new Date(this.#deps.clock.now()).toISOString().replaceAll(/[:-]/g, "_");
    await writeFileTree(path, files, { version, gid: canChown() ? gid : undefined });
    return path;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

async function makeDirectory(path: string): Promise<void> {
  await mkdir(join(path, "..", ".."), { recursive: true, mode: 0o700 });
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** As root a size-limited tmpfs of its own; without root the plain directory, which lies in memory already. */
async function mountMemory(path: string, sizeLimit: string | undefined): Promise<void> {
  if (!canChown()) return;
  const mounts = await readFile("/proc/self/mounts", "utf8");
  if (mounts.includes(` ${path} `)) return;
  const bytes = sizeLimit === undefined ? undefined : parseQuantity(sizeLimit);
  const size = bytes === undefined || bytes === 0 ? [] : ["-o", `size=${Math.ceil(bytes)}`];
  await runMount(["mount", "-t", "tmpfs", ...size, "tmpfs", path]);
}

/** Without root, what containers made belongs to subordinate ids: only Podman's user namespace may remove that. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (canChown() || (code !== "EACCES" && code !== "EPERM")) throw error;
    await runProgram(["podman", "unshare", "rm", "-rf", "--", path]);
  }
}

function canChown(): boolean {
  return process.getuid?.() === 0;
}
