import { rmSync } from "node:fs";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import { BindError, bindHandle, type BoundHandle } from "../handles/bound-handle.ts";
import { bindRefusal } from "../handles/bind-refusal.ts";
import { REFUSED_EXIT_CODE } from "../handles/socket-messages.ts";
import { DataDirectoryLock } from "./data-directory-lock.ts";
import { HostLock } from "./host-lock.ts";
import { isRunning, killProcess, type ProcessIdentity } from "./process-identity.ts";
import { SupervisedChild } from "./supervised-child.ts";
import type { ChildCommand, SupervisorOptions } from "./supervisor-options.ts";

/** How long the children of a supervisor that was killed may take to notice, before they are killed too. */
const ORPHAN_MS = 5_000;
const LOOK_MS = 50;

/**
 * The parent of agent and dataplane: holds the sockets, so that no connection is refused while a child restarts, and
 * starts again whichever ends. Knows nothing of Kubernetes, touches no container, and stays small: it imports nothing
 * but Node.
 */
export class Supervisor {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: SupervisorOptions;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }, options: SupervisorOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#options = options;
  }

  /**
   * Runs until `signal`, then stops the agent, then the dataplane. Resolves with the exit code. Rejects when the data
   * directory is in use or a socket cannot be bound, with a sentence that says what to do.
   */
  async run(signal: AbortSignal): Promise<number> {
    const lock = DataDirectoryLock.acquire(this.#options.dataDir);
    const handles = new Map<string, BoundHandle>();
    let host: HostLock | undefined;
    try {
      if (this.#options.alone) host = await HostLock.acquire(this.#options.dataDir);
      await this.#waitForOrphans(lock.orphans, signal);
      for (const spec of this.#options.probed ?? []) bind(spec).close();
      for (const spec of this.#options.sockets) handles.set(spec.name, bind(spec));
      return await this.#runChildren({ lock, handles, signal });
    } finally {
      for (const handle of handles.values()) handle.close();
      for (const spec of this.#options.sockets) if (spec.kind === "unix") rmSync(spec.path, { force: true });
      host?.release();
      lock.release();
    }
  }

  async #runChildren({ lock, handles, signal }: ChildrenParts): Promise<number> {
    const running = new Map<string, ProcessIdentity>();
    const stopAgent = new AbortController();
    const stopDataplane = new AbortController();
    const keep = (command: ChildCommand, stop: AbortController): Promise<"stopped" | "refused"> => {
      const onProcess = (identity: ProcessIdentity | undefined): void => {
        if (identity === undefined) running.delete(command.name);
        else running.set(command.name, identity);
        this.#note(lock, [...running.values()]);
      };
      const own = this.#options.sockets.filter((spec) => spec.to === command.name).map((spec) => spec.name);
      const given = new Map([...handles].filter(([name]) => own.includes(name)));
      const child = new SupervisedChild(
        { clock: this.#clock, logger: this.#logger, handles: given, onProcess },
        { command, stopMs: this.#options.stopMs ?? 10_000 },
      );
      return child.run(stop.signal);
    };
    const onStop = (): void => stopAgent.abort();
    if (signal.aborted) onStop();
    else signal.addEventListener("abort", onStop, { once: true });

    // Whichever gives up takes the other with it: half a node must not look like one.
    const dataplane = keep(this.#options.dataplane, stopDataplane).finally(onStop);
    const agent = keep(this.#options.agent, stopAgent).finally(() => stopDataplane.abort());
    const ends = await Promise.all([agent, dataplane]);
    return ends.includes("refused") ? REFUSED_EXIT_CODE : 0;
  }

  /** A full disk must not end the node: without the note, a successor merely does not wait for these processes. */
  #note(lock: DataDirectoryLock, children: readonly ProcessIdentity[]): void {
    try {
      lock.setChildren(children);
    } catch (error) {
      this.#logger.warn("Cannot note the child processes in the lock file", { error });
    }
  }

  /** A stop does not wait for them to end by themselves. Rejects when not even a kill ends them. */
  async #waitForOrphans(orphans: readonly ProcessIdentity[], signal: AbortSignal): Promise<void> {
    if (orphans.length === 0) return;
    const pids = orphans.map(({ pid }) => pid);
    this.#logger.warn("The last supervisor was killed; waiting for its children to end", { pids });
    const start = this.#clock.monotonic();
    const gone = (): boolean => !orphans.some(isRunning);
    while (!gone() && this.#clock.monotonic() - start < ORPHAN_MS && !signal.aborted) {
      await pause(this.#clock, LOOK_MS, signal);
    }
    for (const orphan of orphans) killProcess(orphan);
    const killed = this.#clock.monotonic();
    while (!gone()) {
      if (this.#clock.monotonic() - killed >= ORPHAN_MS) {
        throw new Error(
          `Cannot start: of the last agent, a process cannot be ended (${pids.join(", ")}); restart this host`,
        );
      }
      await this.#clock.sleep(LOOK_MS);
    }
  }
}

interface ChildrenParts {
  readonly lock: DataDirectoryLock;
  readonly handles: ReadonlyMap<string, BoundHandle>;
  readonly signal: AbortSignal;
}

function bind(spec: SupervisorOptions["sockets"][number]): BoundHandle {
  try {
    return bindHandle(spec);
  } catch (error) {
    if (error instanceof BindError) throw new Error(bindRefusal(spec, error)); // the sentence says all of it
    throw error;
  }
}
