import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  identifyProcess,
  isRunning,
  killProcess,
  type ProcessIdentity,
} from "../../src/daemon/supervisor/process-identity.ts";

/** How the folder of a lab is named, in the system's folder for temporary files. */
export const LAB_PREFIX = "podman-swarm-lab-";

/** In the folder of a lab: the process that started it. */
const OWNER_FILE = "owner.json";

/** In the folder of a lab or of a host: its first process. */
const INIT_FILE = "init.json";

/** Notes the first process of a lab's switch or of a host, so that it can be found when the lab's own is gone. */
export function noteInit(folder: string, pid: number): void {
  writeIdentity(join(folder, INIT_FILE), pid);
}

/** Notes this process as the one with which a lab ends. */
export function noteOwner(folder: string): void {
  writeIdentity(join(folder, OWNER_FILE), process.pid);
}

/** Whole or not at all: other tests look at any moment. */
function writeIdentity(file: string, pid: number): void {
  const identity = identifyProcess(pid);
  if (identity === undefined) throw new Error(`Cannot note process ${pid}: it has ended`);
  writeFileSync(`${file}.new`, JSON.stringify(identity));
  renameSync(`${file}.new`, file);
}

/** Removes what is left of labs whose test was killed, and returns the folders that it removed. */
export function removeLeftovers(temporary = tmpdir()): string[] {
  if (!existsSync(temporary)) return [];
  const folders = readdirSync(temporary)
    .filter((entry) => entry.startsWith(LAB_PREFIX))
    .map((name) => join(temporary, name))
    // What others put there is not ours to believe.
    .filter((folder) => statSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.());
  const left = folders.filter((folder) => {
    const owner = readIdentity(join(folder, OWNER_FILE));
    return owner !== undefined && !isRunning(owner);
  });
  for (const folder of left) removeLab(folder);
  return left;
}

/** Undefined while a lab that is just starting has not written it, and once another test has removed it. */
function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Ends what still runs of a lab, and removes its folder and the control groups of its containers, which outlive them. */
export function removeLab(folder: string): void {
  if (!existsSync(folder)) return; // another lab was faster
  endInits(folder);
  removeControlGroups(containersOf(folder));
  // rm stays on the folder's own file system whatever should still be mounted in it; fs.rm would not.
  execFileSync("rm", ["-rf", "--one-file-system", folder]);
}

/** They end by themselves with their test, a moment after it; what a stopped one waits for is not awaited. */
function endInits(folder: string): void {
  const noted = ["", ...folders(folder)].map((name) => readIdentity(join(folder, name, INIT_FILE)));
  const inits = noted.filter((one) => one !== undefined);
  for (const init of inits) killProcess(init);
  for (let tried = 0; tried < BUSY_TRIES && inits.some((init) => isRunning(init)); tried++) pause();
}

function containersOf(folder: string): Set<string> {
  const stores = folders(folder).map((host) => join(folder, host, "containers/overlay-containers"));
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

/** None where another lab has just removed it. */
function folders(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The kernel empties a control group a moment after the end of its last process. */
const BUSY_TRIES = 2000;
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
    pause();
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS);
}
