import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ApiClient } from "../../src/client/api-client.ts";
import { readKubeconfig } from "../../src/client/kubeconfig.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { deadline } from "../../src/lib/deadline.ts";
import { runProgram } from "../../src/lib/host/run-program.ts";
import { ForwardedPorts } from "../lab/forwarded-ports.ts";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { childOf, childrenOf, whileItRuns } from "../lab/lab-process.ts";
import { eventually } from "../poll.ts";
import { freePorts } from "./free-ports.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** A host of a lab, and who runs the agent there. */
export interface AgentPlace {
  readonly host: LabHost;
  readonly user: "root" | "unprivileged";
}

export interface AgentProcessOptions {
  /**
   * Where to run it. By default, what it does stays apart from the machine's network and Podman: root's in a lab of its
   * own. A user without root has the machine only.
   */
  readonly place?: AgentPlace | "machine";
  /** Made and removed by `stop` where it is absent. */
  readonly dataDir?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** What to run before the flags; the source by default. */
  readonly command?: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  readonly readyTimeoutMs?: number;
  /** Where the processes write, for one that runs long; kept in memory by default. */
  readonly logFile?: string;
}

/** A real agent (all three processes) that the test reaches on ports of its own. */
export class AgentProcess {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly ingressPort: number;
  readonly ingressTlsPort: number;
  readonly #options: AgentProcessOptions;
  readonly #place: AgentPlace | undefined;
  readonly #lab: Lab | undefined;
  readonly #httpPort: number;
  readonly #ownsDataDir: boolean;
  #forwarded: ForwardedPorts | undefined;
  #child: ChildProcess | undefined;
  #output = "";
  #startedAt = 0;

  private constructor(options: AgentProcessOptions, { place, lab, ports, forwarded }: Ground) {
    this.#options = options;
    this.#place = place;
    this.#lab = lab;
    this.#forwarded = forwarded;
    this.#ownsDataDir = options.dataDir === undefined;
    this.dataDir = options.dataDir ?? newDataDir(place);
    [this.apiPort = 0, this.#httpPort = 0, this.ingressPort = 0, this.ingressTlsPort = 0] = ports;
  }

  /** Starts an agent and resolves once it is ready for requests and its node is Ready. */
  static async start(options: AgentProcessOptions = {}): Promise<AgentProcess> {
    const agent = new AgentProcess(options, await groundFor(options.place));
    try {
      await agent.startAgain();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  get kubeconfig(): string {
    return join(this.dataDir, "kubeconfig");
  }

  /** The supervisor's pid. */
  get pid(): number {
    const spawned = this.#child?.pid;
    if (spawned === undefined) return 0;
    return this.#place === undefined ? spawned : childOf(spawned);
  }

  /** Everything that the processes have written so far. */
  get output(): string {
    const { logFile } = this.#options;
    return logFile === undefined ? this.#output : readFileSync(logFile, "utf8");
  }

  /** When the processes were last started, by the monotonic clock. */
  get startedAt(): number {
    return this.#startedAt;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  /** A client with the owner's certificate. The caller closes it. */
  client(): ApiClient {
    return new ApiClient(readKubeconfig(this.kubeconfig).connection);
  }

  /**
   * Starts the processes on the same data directory and ports, after `end` or a reboot of its host; with the same
   * further flags unless others are given.
   */
  async startAgain(further = this.#options.flags ?? ["--node-name=node1"]): Promise<void> {
    const place = this.#place;
    if (place !== undefined && this.#forwarded?.hostPid !== place.host.pid) {
      await this.#forwarded?.close();
      const ports = [this.apiPort, this.#httpPort, this.ingressPort, this.ingressTlsPort];
      this.#forwarded = await ForwardedPorts.open(place.host, ports);
    }
    const command = this.#options.command ?? [process.execPath, join(REPOSITORY, "src/daemon/main.ts")];
    const flags = [
      `--data-dir=${this.dataDir}`,
      `--api-addr=127.0.0.1:${this.apiPort}`,
      `--http-addr=127.0.0.1:${this.#httpPort}`,
      `--ingress-port=${this.ingressPort}`,
      `--ingress-tls-port=${this.ingressTlsPort}`,
      ...further,
    ];
    this.#startedAt = systemClock.monotonic();
    const child = this.#spawn([...command, ...flags]);
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (this.#output += String(chunk)));
    await this.ready();
  }

  #spawn([program, ...args]: readonly [string, ...string[]]): ChildProcess {
    const place = this.#place;
    const { env, logFile } = this.#options;
    const log = logFile === undefined ? undefined : openSync(logFile, "a", 0o600);
    try {
      const stdio = ["ignore", log ?? "pipe", log ?? "pipe"] satisfies StdioOptions;
      if (place === undefined) return spawn(program, args, { stdio, env: env ?? process.env });
      const { host } = place;
      const inside = [host.path(program), ...args.map((word) => host.path(word))] as const;
      const options = { stdio, ...(env === undefined ? {} : { env: withoutUndefined(env) }) };
      return place.user === "root" ? host.spawn(inside, options) : host.spawnAsUser(inside, options);
    } finally {
      if (log !== undefined) closeSync(log);
    }
  }

  /** Runs a program beside the agent, as its user, and resolves with its output; rejects with what it said. */
  run(command: readonly [string, ...string[]]): Promise<string> {
    if (this.#place === undefined) return runProgram(command);
    const { host, user } = this.#place;
    const [program, ...args] = command;
    const inside = [host.path(program), ...args.map((word) => host.path(word))] as const;
    return user === "root" ? host.run(inside) : host.runAsUser(inside);
  }

  /** Resolves once the API says that it is ready; fails at once when the supervisor has ended, and ends it else. */
  async ready(): Promise<void> {
    const ended = (): boolean => this.#child?.exitCode !== null || this.#child.signalCode !== null;
    const answer = (): Promise<Response> => {
      // One that takes the question and does not answer is asked again.
      const { signal } = deadline(10_000, new AbortController().signal);
      return fetch(`${this.httpUrl}/readyz`, { signal });
    };
    const check = async (): Promise<boolean> => ended() || (await answer()).ok;
    const timeoutMs = this.#options.readyTimeoutMs ?? 90_000;
    try {
      await eventually(check, { timeoutMs, what: "a ready agent" });
      if (ended()) throw new Error("Cannot see a ready agent: it has ended");
    } catch (error) {
      await this.end("SIGKILL");
      await this.#said();
      throw new Error(`Cannot start an agent; it said:\n${this.output}`, { cause: error });
    }
  }

  /** The supervisor's child that runs in this role. */
  pidOf(role: Role): number {
    let found = this.wrapperOf(role);
    // The agent is never wrapped, and what it starts has its command for an instant.
    if (role === "run-agent") return found;
    for (let at: number | undefined = found; at !== undefined; at = childWith(role, at)) found = at;
    return found;
  }

  /** The supervisor's own child: a dataplane without root is wrapped in others, with the same words in their command. */
  wrapperOf(role: Role): number {
    const found = childWith(role, this.pid);
    if (found === undefined) throw new Error(`Cannot find the ${role} process of supervisor ${this.pid}`);
    return found;
  }

  /** Sends a signal to the supervisor and waits for its end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const ended = this.ended();
    const spawned = this.#child?.pid;
    if (this.runs && spawned !== undefined) {
      // The supervisor may have ended by itself a moment ago, and what wraps it not yet.
      const supervisor = this.#place === undefined ? spawned : childrenOf(spawned)[0];
      whileItRuns(() => process.kill(supervisor ?? spawned, signal));
    }
    return await ended;
  }

  /** Resolves with the supervisor's exit code when it has ended, by whatever. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (!child || !this.runs) return child?.exitCode ?? null;
    return await new Promise<number | null>((resolve) => child.once("exit", resolve));
  }

  /** Resolves when all is read that an ended one has written, unless what has outlived it keeps its output open. */
  async #said(): Promise<void> {
    const streams = [this.#child?.stdout, this.#child?.stderr].flatMap((stream) => stream ?? []);
    const all = Promise.all(streams.filter((stream) => !stream.closed).map((stream) => once(stream, "close")));
    await Promise.race([all, systemClock.sleep(2000)]);
  }

  get runs(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Ends the processes and removes the data directory where it is ours. On the machine, containers are the test's to delete. */
  async stop(): Promise<void> {
    await this.end();
    await this.#forwarded?.close();
    await this.#lab?.stop();
    if (this.#ownsDataDir) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

type Role = "run-agent" | "run-dataplane";

interface Ground {
  /** Undefined for the machine itself. */
  readonly place: AgentPlace | undefined;
  /** Ends with the agent. */
  readonly lab: Lab | undefined;
  readonly ports: readonly number[];
  readonly forwarded: ForwardedPorts | undefined;
}

async function groundFor(wanted: AgentPlace | "machine" | undefined): Promise<Ground> {
  const lab = wanted === undefined && process.getuid?.() === 0 ? await Lab.start() : undefined;
  const place = lab === undefined ? wanted : ({ host: lab.host(1), user: "root" } as const);
  if (place === undefined || place === "machine") {
    return { place: undefined, lab, ports: await freePorts(4), forwarded: undefined };
  }
  const forwarded = await ForwardedPorts.open(place.host, [0, 0, 0, 0]);
  return { place, lab, ports: forwarded.ports, forwarded };
}

/** In a lab, the agent makes it: the user of a host could not write in a folder of ours. */
function newDataDir(place: AgentPlace | undefined): string {
  if (place === undefined) return mkdtempSync(join(tmpdir(), "podman-swarm-node-"));
  return join(place.user === "root" ? place.host.folder : place.host.home, "node");
}

function withoutUndefined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function childWith(word: string, pid: number): number | undefined {
  const commandOf = (child: number): string[] | undefined =>
    whileItRuns(() => readFileSync(`/proc/${child}/cmdline`, "utf8").split("\0"));
  return childrenOf(pid).find((child) => commandOf(child)?.includes(word));
}
