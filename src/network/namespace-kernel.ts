import { runProgram } from "../lib/host/run-program.ts";
import type { Kernel } from "./kernel.ts";

/**
 * The kernel inside the network namespace of another process, without root: whoever made a user namespace has all
 * capabilities in it. Rootless Podman's networks lie in such a namespace.
 */
export class NamespaceKernel implements Kernel {
  readonly #findPid: () => number | undefined;

  /** `findPid` names a process that lives in the namespace now, the dataplane's. */
  constructor(findPid: () => number | undefined) {
    this.#findPid = findPid;
  }

  async run(
    command: readonly [string, ...string[]],
    options?: { input?: string; signal?: AbortSignal },
  ): Promise<string> {
    const pid = this.#findPid();
    if (pid === undefined) {
      throw new Error(`Cannot run ${command[0]} in the pods' network: the dataplane process is not there`);
    }
    return runProgram(["nsenter", "--preserve-credentials", "-U", "-n", "-t", `${pid}`, "--", ...command], options);
  }
}
