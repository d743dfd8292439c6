import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { withoutSettings } from "../../lib/host/without-settings.ts";
import type { Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";

/** Half of what the supervisor gives the agent for its own end. */
const KILL_AFTER_MS = 5_000;

export interface PodmanServiceOptions {
  /** The `podman` program. */
  readonly command?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds between looks at a socket that others serve. */
  readonly checkEveryMs?: number;
}

/**
 * Keeps an API service on the socket: a socket that answers is used as it is, whoever serves it; where none does, a
 * `podman system service` of our own is started and started again when it dies. Ours ends with `run`.
 */
export class PodmanService {
  readonly socketPath: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #command: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #checkEveryMs: number;
  #child: ChildProcess | undefined;

  constructor(
    deps: { readonly socketPath: string; readonly clock: Clock; readonly log: Logger },
    { command = "podman", env = withoutSettings(process.env), checkEveryMs = 2000 }: PodmanServiceOptions = {},
  ) {
    this.socketPath = deps.socketPath;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#command = command;
    this.#env = env;
    this.#checkEveryMs = checkEveryMs;
  }

  /** The process id of a service that we started; undefined while others serve the socket. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the socket takes connections. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!(await answers(this.socketPath))) await this.#clock.sleep(20, signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      if (await answers(this.socketPath)) {
        await pause(this.#clock, this.#checkEveryMs, signal);
        continue;
      }
      const startedAt = this.#clock.monotonic();
      await this.#serve(signal);
      failures = this.#clock.monotonic() - startedAt > 10_000 ? 0 : failures + 1;
      if (failures > 1) await pause(this.#clock, Math.min(10_000, 100 * 2 ** failures), signal);
    }
  }

  async #serve(signal: AbortSignal): Promise<void> {
    await mkdir(dirname(this.socketPath), { recursive: true, mode: 0o700 });
    await rm(this.socketPath, { force: true });
    // Nobody would stop one that is started after that.
    if (signal.aborted) return;
    const child = spawn(this.#command, ["system", "service", "--time=0", `unix://${this.socketPath}`], {
      env: this.#env,
      // conmon drops files where the service was started.
      cwd: dirname(this.socketPath),
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
    let cancelKill = (): void => {};
    const stop = (): void => {
      child.kill("SIGTERM");
      // It finishes what it was asked for; nobody waits for that any more.
      cancelKill = this.#clock.timer(KILL_AFTER_MS, () => child.kill("SIGKILL"));
    };
    signal.addEventListener("abort", stop, { once: true });
    child.once("spawn", () => {
      this.#log.info("Podman's API service started", { socket: this.socketPath, pid: child.pid });
    });
    // `once` of events would reject for a program that cannot be started, which may be so for a moment only.
    const ended = new Promise<string>((resolve) => {
      child.once("exit", (code, by) => resolve(`exit ${code ?? by}`));
      child.once("error", (error) => resolve(error.message));
    });
    const why = await ended;
    signal.removeEventListener("abort", stop);
    cancelKill();
    this.#child = undefined;
    if (!signal.aborted) this.#log.warn("Podman's API service ended", { why, said: said.trim().split("\n").at(-1) });
  }
}

/** Whether something accepts connections on a unix socket. */
export async function answers(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    // Refused or absent: both mean that nothing listens.
    return false;
  } finally {
    socket.destroy();
  }
}
