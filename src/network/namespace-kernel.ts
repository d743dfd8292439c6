import { runProgram } from "../lib/host/run-program.ts";
import type { Kernel } from "./kernel.ts";

/**
 * The kernel inside the network namespace of another process, without root: whoever made a user namespace has all
 * capabilities in it. Rootless Podman's networks lie in such a namespace.
 */
export class NamespaceKernel implements Kernel {
  readonly #findPid: (signal?: AbortSignal) => Promise<number>;

  /** `findPid` names a process that lives in the namespace now, the dataplane's; it may wait for one a little. */
  constructor(findPid: (signal?: AbortSignal) => Promise<number>) {
    this.#findPid = findPid;
  }

  async run(
    command: readonly [string, ...string[]],
    options?: { input?: string; signal?: AbortSignal },
  ): Promise<string> {
    const pid = await this.#findPid(options?.signal);
    return runProgram(["nsenter", "--preserve-credentials", "-U", "-n", "-t", `${pid}`, "--", ...command], options);
  }
}
