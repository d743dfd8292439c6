import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ApiClient } from "../../src/client/api-client.ts";
import { readKubeconfig } from "../../src/client/kubeconfig.ts";
import { eventually } from "../poll.ts";
import { freePorts } from "./free-ports.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

export interface AgentProcessOptions {
  /** Made and removed by `stop` where it is absent. */
  readonly dataDir?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** What to run before the flags; the source by default. */
  readonly command?: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  readonly readyTimeoutMs?: number;
}

/** A real agent (all three processes) on ports of its own, on the machine's Podman. */
export class AgentProcess {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly ingressPort: number;
  readonly ingressTlsPort: number;
  readonly #options: AgentProcessOptions;
  readonly #httpPort: number;
  readonly #ownsDataDir: boolean;
  #child: ChildProcess | undefined;
  #output = "";

  private constructor(options: AgentProcessOptions, ports: readonly [number, number, number, number]) {
    this.#options = options;
    this.#ownsDataDir = options.dataDir === undefined;
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "podman-swarm-node-"));
    [this.apiPort, this.#httpPort, this.ingressPort, this.ingressTlsPort] = ports;
  }

  /** Starts an agent and resolves once it is ready for requests and its node is Ready. */
  static async start(options: AgentProcessOptions = {}): Promise<AgentProcess> {
    const [api = 0, http = 0, ingress = 0, tls = 0] = await freePorts(4);
    const agent = new AgentProcess(options, [api, http, ingress, tls]);
    await agent.startAgain();
    return agent;
  }

  get kubeconfig(): string {
    return join(this.dataDir, "kubeconfig");
  }

  /** The supervisor's pid. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Everything that the processes have written so far. */
  get output(): string {
    return this.#output;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  /** A client with the owner's certificate. The caller closes it. */
  client(): ApiClient {
    return new ApiClient(readKubeconfig(this.kubeconfig).connection);
  }

  /** Starts the processes on the same data directory and ports, after `kill` or `stopProcess`. */
  async startAgain(): Promise<void> {
    const [program, ...args] = this.#options.command ?? [process.execPath, join(REPOSITORY, "src/daemon/main.ts")];
    const flags = [
      `--data-dir=${this.dataDir}`,
      `--api-addr=127.0.0.1:${this.apiPort}`,
      `--http-addr=127.0.0.1:${this.#httpPort}`,
      `--ingress-port=${this.ingressPort}`,
      `--ingress-tls-port=${this.ingressTlsPort}`,
      ...(this.#options.flags ?? ["--node-name=node1"]),
    ];
    const child = spawn(program, [...args, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: this.#options.env ?? process.env,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (this.#output += String(chunk)));
    await this.ready();
  }

  /** Resolves once the API says that it is ready; fails at once when the supervisor has ended. */
  async ready(): Promise<void> {
    const check = async (): Promise<boolean> => {
      if (this.#child?.exitCode !== null || this.#child.signalCode !== null) return true;
      const answer = await fetch(`${this.httpUrl}/readyz`);
      return answer.ok;
    };
    const timeoutMs = this.#options.readyTimeoutMs ?? 30_000;
    try {
      await eventually(check, { timeoutMs, what: "a ready agent" });
    } catch (error) {
      await this.stop();
      throw new Error(`Cannot start an agent; it said:\n${this.#output}`, { cause: error });
    }
    if (this.#child?.exitCode !== null) throw new Error(`Cannot start an agent; it said:\n${this.#output}`);
  }

  /** The supervisor's child that runs in this role. */
  pidOf(role: "run-agent" | "run-dataplane"): number {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, "utf8").trim().split(" ");
    const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(role));
    if (found === undefined) throw new Error(`Cannot find the ${role} process of supervisor ${this.pid}`);
    return Number(found);
  }

  /** Sends a signal to the supervisor and waits for its end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    return await ended;
  }

  /** Ends the processes and removes what the test made in the data directory; containers are the test's to delete. */
  async stop(): Promise<void> {
    await this.end();
    if (this.#ownsDataDir) rmSync(this.dataDir, { recursive: true, force: true });
  }
}
