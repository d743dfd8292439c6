import { type ChildProcess, spawn } from "node:child_process";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { BoundHandle } from "../handles/bound-handle.ts";
import { type FromChild, type FromSupervisor, REFUSED_EXIT_CODE } from "../handles/socket-messages.ts";
import { identifyProcess, killProcess, type ProcessIdentity } from "./process-identity.ts";
import { afterDeath, type Deaths } from "./restart-delay.ts";
import type { ChildCommand } from "./supervisor-options.ts";

export interface ChildParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handles: ReadonlyMap<string, BoundHandle>;
  /** Called when it has started and when it is gone. */
  readonly onProcess: (identity: ProcessIdentity | undefined) => void;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not even be started. */
  readonly error?: Error;
}

/** Keeps one child alive and gives each new one the same sockets. */
export class SupervisedChild {
  readonly #parts: ChildParts;
  readonly #command: ChildCommand;
  readonly #stopMs: number;

  constructor(parts: ChildParts, { command, stopMs }: { command: ChildCommand; stopMs: number }) {
    this.#parts = parts;
    this.#command = command;
    this.#stopMs = stopMs;
  }

  /**
   * Runs until `signal` and then stops the child: asks, waits `stopMs`, kills. Resolves with "stopped", or with
   * "refused" when the child says that starting it again would not help.
   */
  async run(signal: AbortSignal): Promise<"stopped" | "refused"> {
    const { clock, logger } = this.#parts;
    let deaths: Deaths = { early: 0 };
    while (!signal.aborted) {
      const started = clock.monotonic();
      const exit = await this.#once(signal);
      if (signal.aborted) break;
      if (exit.code === REFUSED_EXIT_CODE) {
        logger.error(`The ${this.#command.name} process cannot run here (it has said why): the node stops`);
        return "refused";
      }
      const next = afterDeath(deaths, clock.monotonic() - started);
      deaths = next.deaths;
      logger.error(`The ${this.#command.name} process ended and is started again`, {
        why: exitText(exit),
        afterMs: next.delayMs,
      });
      await pause(clock, next.delayMs, signal);
    }
    return "stopped";
  }

  async #once(signal: AbortSignal): Promise<Exit> {
    const { logger, onProcess } = this.#parts;
    const { name, file, args, env, input } = this.#command;
    // A session of its own: Ctrl-C reaches the supervisor alone, which stops the children in order.
    const stdin = input === undefined ? "ignore" : "pipe";
    const child = spawn(file, [...args], { env, stdio: [stdin, "inherit", "inherit", "ipc"], detached: true });
    child.stdin?.on("error", () => {}); // a child that ends without reading it tells why by its exit
    child.stdin?.end(input);
    const gone = exited(child);
    let identity: ProcessIdentity | undefined;
    child.on("message", (message) => {
      const told = message as FromChild;
      // Only the first word counts, which the child says before it reads anything hostile: this pid may be killed.
      if (identity !== undefined || told?.type !== "hello" || !Number.isSafeInteger(told.pid)) return;
      identity = identifyProcess(told.pid);
      onProcess(identity);
    });
    // A child that dies while it is talked to: its exit says so.
    child.on("error", (error) => logger.debug(`Cannot talk to the ${name} process`, { error }));
    this.#handOver(child);
    let cancelKill = (): void => {};
    const stop = (): void => {
      send(child, { type: "stop" });
      cancelKill = this.#parts.clock.timer(this.#stopMs, () => {
        logger.warn(`The ${name} process did not stop in time and is killed`, { ms: this.#stopMs });
        if (identity !== undefined) killProcess(identity);
        child.kill("SIGKILL");
      });
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    const exit = await gone;
    signal.removeEventListener("abort", stop);
    cancelKill();
    // The wrapper may die without the process that it wraps.
    if (identity !== undefined) killProcess(identity);
    onProcess(undefined);
    return exit;
  }

  #handOver(child: ChildProcess): void {
    const { handles } = this.#parts;
    const { dropTo } = this.#command;
    send(child, { type: "sockets", names: [...handles.keys()], ...(dropTo === undefined ? {} : { dropTo }) });
    for (const [name, handle] of handles) send(child, { type: "socket", name }, handle);
  }
}

function exited(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
  });
}

function send(child: ChildProcess, message: FromSupervisor, handle?: BoundHandle): void {
  if (!child.connected) return;
  // Node's types do not know raw handles, Node itself sends them (its cluster module lives on that). A failure to send
  // means that the child is gone, and arrives as its exit.
  (child.send as (message: FromSupervisor, handle: BoundHandle | undefined, done: () => void) => boolean).call(
    child,
    message,
    handle,
    () => {},
  );
}

function exitText({ code, signal, error }: Exit): string {
  if (error !== undefined) return error.message;
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
