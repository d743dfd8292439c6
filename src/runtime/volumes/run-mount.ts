import { deadline } from "../../lib/deadline.ts";
import { runProgram } from "../../lib/host/run-program.ts";

export interface RunMountOptions {
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs `mount` or `umount`. A file system whose server is gone, or a device that does not answer, would hold the pod's
 * work for ever: the call is given up after 30 seconds, even where the kernel lets nobody end the program.
 */
export async function runMount(
  [program, ...args]: readonly ["mount" | "umount", ...string[]],
  { timeoutMs = 30_000, env = process.env }: RunMountOptions = {},
): Promise<void> {
  using limit = deadline(timeoutMs, new AbortController().signal);
  try {
    await runProgram([program, ...args], { signal: limit.signal, env });
  } catch (cause) {
    if (!limit.passed) throw cause;
    throw new Error(`Cannot ${program} ${args.join(" ")}: not done after ${timeoutMs} ms`, { cause });
  }
}
