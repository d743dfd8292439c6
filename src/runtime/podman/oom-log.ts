import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Whether the kernel's log says that it killed a process of this container for memory. conmon notices that by itself
 * but not on every host: on cgroups v1 of new kernels it sees nothing. Without the right to read the log: no.
 */
export async function killedForMemory(containerId: string): Promise<boolean> {
  try {
    const { stdout } = await run("dmesg", [], { maxBuffer: 16 * 2 ** 20, timeout: 5000 });
    return stdout.split("\n").some((line) => line.includes("oom-kill:") && line.includes(`libpod-${containerId}`));
  } catch {
    // dmesg is missing or refused: the exit code alone does not say more.
    return false;
  }
}
