import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

let reading: Promise<string> | undefined;
let next: Promise<string> | undefined;

/**
 * Whether the kernel's log says that it killed a process of this container for memory. conmon notices that by itself
 * but not on every host: on cgroups v1 of new kernels it sees nothing. Without the right to read the log: no.
 */
export async function killedForMemory(containerId: string): Promise<boolean> {
  const log = await kernelLog();
  return log.split("\n").some((line) => line.includes("oom-kill:") && line.includes(`libpod-${containerId}`));
}

/** Those who ask while it is being read share the next reading: the one that runs may be too early for them. */
function kernelLog(): Promise<string> {
  if (!reading) return read();
  next ??= reading.then(() => {
    next = undefined;
    return read();
  });
  return next;
}

function read(): Promise<string> {
  reading = run("dmesg", [], { maxBuffer: 16 * 2 ** 20, timeout: 5000 })
    // dmesg is missing or refused: the exit code alone does not say more.
    .then(
      ({ stdout }) => stdout,
      () => "",
    )
    .finally(() => (reading = undefined));
  return reading;
}
