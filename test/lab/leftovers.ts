import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunning, type ProcessIdentity } from "../../src/daemon/supervisor/process-identity.ts";

/** How the folder of a lab is named, in the system's folder for temporary files. */
export const LAB_PREFIX = "podman-swarm-lab-";

/** In the folder of a lab: the process that started it. */
export const OWNER_FILE = "owner.json";

/** Removes the files of labs whose test was killed; their processes have ended with it. */
export function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(LAB_PREFIX))) {
    const folder = join(tmpdir(), name);
    const owner = ownerOf(folder);
    if (owner !== undefined && !isRunning(owner)) removeLab(folder);
  }
}

/** Undefined while a lab that is just starting has not written it. */
function ownerOf(folder: string): ProcessIdentity | undefined {
  const file = join(folder, OWNER_FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity) : undefined;
}

/** Removes a lab's folder, and the control groups of its containers, which outlive them. */
export function removeLab(folder: string): void {
  removeControlGroups(containersOf(folder));
  // rm stays on the folder's own file system whatever should still be mounted in it; fs.rm would not.
  execFileSync("rm", ["-rf", "--one-file-system", folder]);
}

function containersOf(folder: string): Set<string> {
  const hosts = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const stores = hosts.map((host) => join(folder, host.name, "containers/overlay-containers"));
  return new Set(stores.flatMap((store) => (existsSync(store) ? readdirSync(store) : [])));
}

const CONTROL_GROUPS = "/sys/fs/cgroup";
/** Podman's, where no systemd manages control groups. */
const PARENT = "libpod_parent";

/** They lie in one tree on cgroups v2, and in one for each controller on v1. */
function removeControlGroups(containers: ReadonlySet<string>): void {
  const trees = [CONTROL_GROUPS, ...readdirSync(CONTROL_GROUPS).map((name) => join(CONTROL_GROUPS, name))];
  for (const parent of trees.map((tree) => join(tree, PARENT)).filter((path) => existsSync(path))) {
    for (const pod of folders(parent)) {
      const inside = folders(join(parent, pod));
      const ours = inside.filter((name) => containers.has(name.replace(/^libpod-(conmon-)?/, "")));
      if (ours.length === 0) continue;
      // One beside them holds the processes that watch them.
      for (const name of [...ours, "conmon"]) removeEmpty(join(parent, pod, name));
      removeEmpty(join(parent, pod));
    }
  }
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

/** The kernel empties a control group a moment after the end of its last process. */
const BUSY_TRIES = 400;
const BUSY_PAUSE_MS = 5;

function removeEmpty(path: string): void {
  for (let tried = 1; ; tried++) {
    try {
      return rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return; // another lab was faster
      if (code !== "EBUSY" && code !== "ENOTEMPTY") throw error;
      if (tried === BUSY_TRIES) return; // one that stays busy is not ours
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS);
  }
}
