import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { LAB_PREFIX, removeLab } from "../../test/lab/leftovers.ts";
import { readHostSettings, restoreHostSettings, type HostSettings } from "../host-settings.ts";
import { root } from "../root.ts";

/** What a run of the tests may leave on the machine, and what was there before it. */
export interface TestRun {
  /** The folder for temporary files of everything in this run; its name is in the environment of all its processes. */
  readonly temporary: string;
  readonly pods: readonly string[];
  readonly networks: readonly string[];
  readonly hadTable: boolean;
  readonly memoryFolders: readonly string[];
  readonly settings: HostSettings;
}

const FILE = join(root, ".cache/test-run.json");
const isRoot = process.getuid?.() === 0;
const TABLE = "podman_swarm";
const LABELS = ["io.podman-swarm.node", "io.podman-swarm.pod-uid", "io.podman-swarm.managed"];

/** Removes first what a killed run has left. */
export async function beginTestRun(): Promise<TestRun> {
  const old = unfinishedRun();
  if (old !== undefined) for (const line of await cleanAfter(old)) console.log(`after a run that was killed: ${line}`);
  const temporary = mkdtempSync(join(tmpdir(), "pswm-"));
  chmodSync(temporary, 0o1777); // Like /tmp itself: the users of the lab's hosts have files there, too.
  const run: TestRun = {
    temporary,
    pods: pods(),
    networks: networks(),
    hadTable: hasTable(),
    memoryFolders: memoryFolders(),
    settings: readHostSettings(),
  };
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, JSON.stringify(run));
  return run;
}

export function unfinishedRun(): TestRun | undefined {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as TestRun) : undefined;
}

/** Ends and removes whatever is there now and was not before. Resolves with a line for each thing. */
export async function cleanAfter(run: TestRun): Promise<string[]> {
  const done = await endProcesses(run);
  for (const pod of pods().filter((id) => !run.pods.includes(id))) {
    lines("podman", ["pod", "rm", "--force", "--time", "0", pod]);
    done.push(`removed pod ${pod.slice(0, 12)}`);
  }
  for (const network of networks().filter((name) => !run.networks.includes(name))) {
    lines("podman", ["network", "rm", "--force", network]);
    done.push(`removed network ${network}`);
  }
  if (!run.hadTable && hasTable()) lines("nft", ["delete", "table", "ip", TABLE]);
  for (const folder of memoryFolders().filter((path) => !run.memoryFolders.includes(path))) {
    rmSync(folder, { recursive: true });
    done.push(`removed ${folder}`);
  }
  done.push(...restoreHostSettings(run.settings));
  removeTemporary(run.temporary);
  rmSync(FILE, { force: true });
  return done;
}

/** By their environment: whoever started them, and also when that one is gone. Containers are Podman's to remove. */
async function endProcesses({ temporary }: TestRun): Promise<string[]> {
  const done: string[] = [];
  for (let pids = processesOf(temporary); pids.length > 0; pids = processesOf(temporary)) {
    for (const pid of pids) {
      const program = text(`/proc/${pid}/comm`).trim();
      try {
        process.kill(pid, "SIGKILL");
        done.push(`ended ${program} ${pid}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
    await systemClock.sleep(100);
  }
  return [...new Set(done)];
}

function processesOf(temporary: string): number[] {
  const mark = `TMPDIR=${temporary}\0`;
  return globSync("/proc/[0-9]*")
    .map((folder) => Number(basename(folder)))
    .filter((pid) => pid !== process.pid && text(`/proc/${pid}/environ`).includes(mark))
    .filter((pid) => !["conmon\n", ""].includes(text(`/proc/${pid}/comm`)));
}

function removeTemporary(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (name.startsWith(LAB_PREFIX)) removeLab(join(folder, name));
  const mounts = text("/proc/self/mounts")
    .split("\n")
    .flatMap((line) => line.split(" ")[1] ?? []);
  for (const mount of mounts.filter((path) => path.startsWith(`${folder}/`)).toReversed())
    lines("umount", ["-l", mount]);
  execFileSync("rm", ["-rf", "--one-file-system", folder]);
}

function pods(): string[] {
  const all = LABELS.flatMap((label) =>
    lines("podman", ["pod", "ls", "-q", "--no-trunc", "--filter", `label=${label}`]),
  );
  return [...new Set(all)];
}

function networks(): string[] {
  return lines("podman", ["network", "ls", "--format", "{{.Name}}", "--filter", "label=io.podman-swarm.managed"]);
}

function hasTable(): boolean {
  return isRoot && lines("nft", ["list", "tables"]).includes(`table ip ${TABLE}`);
}

/** Where agents keep Secrets of their pods. */
function memoryFolders(): string[] {
  const base = isRoot ? "/run" : (process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.getuid?.()}`);
  return globSync(join(base, "podman-swarm/*"));
}

function lines(program: string, args: readonly string[]): string[] {
  const output = execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return output.split("\n").filter((line) => line !== "");
}

/** Empty for a process that has ended meanwhile or belongs to somebody else. */
function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
