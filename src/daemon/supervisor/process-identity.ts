import { readFileSync } from "node:fs";

/** Names one process for good: pids are used again, pid and start time together are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the process's start: field 22 of /proc/PID/stat (proc(5)). */
  readonly started: string;
  /** /proc/sys/kernel/random/boot_id */
  readonly boot: string;
}

/** Undefined when there is no such process, or only its remains (a zombie). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    // ESRCH: it ended between open and read.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
  // The second field, the name in parentheses, may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const started = fields[19];
  // Its first thread may be gone while others still hold its files and sockets: field 20 counts them.
  const remains = (state === "Z" || state === "X") && Number(fields[17]) <= 1;
  if (started === undefined || remains) return undefined;
  return { pid, started, boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() };
}

export function isRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== undefined && now.started === identity.started && now.boot === identity.boot;
}

/** Ends exactly this process, at once; nothing happens when it is gone. */
export function killProcess(identity: ProcessIdentity): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
