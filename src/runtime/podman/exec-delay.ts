import { readdir, readFile } from "node:fs/promises";
import type { Clock } from "../../lib/clock.ts";

const TRIES = 8;
const PAUSE_MS = 15;

/**
 * Ends the wait that Podman's API service adds to every exec. A session of the API leaves two conmon processes that
 * sleep for `exit_command_delay` (300 s) before `podman container cleanup --exec` forgets the session. A probe a second
 * would pile up hundreds of them, and a pod whose cgroup they sit in takes seconds to remove. SIGTERM to the sleeping
 * one (the child of the other) cuts its sleep short, and the clean-up follows at once. Where there is no such process,
 * nothing happens.
 */
export async function endExecDelay(execId: string, clock: Clock): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const found = await conmons(execId);
    if (found.length === 0) return;
    const [sleeper] = found.filter(({ parent }) => found.some(({ pid }) => pid === parent));
    if (sleeper) return signal(sleeper.pid, "SIGTERM");
    await clock.sleep(PAUSE_MS);
  }
}

interface Conmon {
  readonly pid: number;
  readonly parent: number;
}

/** The conmon processes of one session, which has its id as `-u`. The newest processes are looked at first. */
async function conmons(execId: string): Promise<Conmon[]> {
  const pids = (await readdir("/proc"))
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => b - a);
  const found: Conmon[] = [];
  for (const pid of pids) {
    const words = (await read(`/proc/${pid}/cmdline`)).split("\0");
    if (words[words.indexOf("-u") + 1] !== execId || !words.includes("--exec-attach")) continue;
    const parent = Number(/^PPid:\s*(\d+)/m.exec(await read(`/proc/${pid}/status`))?.[1]);
    found.push({ pid, parent });
    if (found.some((one) => one.pid === parent) || found.some((one) => one.parent === pid)) return found;
  }
  return found;
}

/** Ends a process of ours or of the user's containers. One that is gone or another's is left alone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // The process has ended, or is another user's.
    return "";
  }
}
