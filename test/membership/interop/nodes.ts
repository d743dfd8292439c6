import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually } from "../../poll.ts";
import type { PrivateNetwork } from "./private-network.ts";

const run = promisify(execFile);

/** A member of the cluster under test, of whichever kind. */
export interface InteropNode {
  readonly name: string;
  /** What it takes the others for. */
  list(): Promise<Record<string, string>>;
  join(address: string): Promise<void>;
  leave(): Promise<void>;
  kill(): Promise<void>;
}

async function end(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** Where a node runs and what it needs to know. */
export interface Place {
  readonly network: PrivateNetwork;
  readonly name: string;
  readonly address: string;
  /** The gossip key in base64, as Serf takes it. */
  key: string;
}

export class OurNode implements InteropNode {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  private constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.name = name;
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.pipe(process.stderr);
  }

  static async start({ network, name, address, key }: Place): Promise<OurNode> {
    const config = {
      name,
      bind: { host: address, port: 7946 },
      keys: [key],
      meta: "ours",
      // What Serf 0.9 speaks on top of memberlist.
      delegate: { min: 2, max: 5, current: 5 },
    };
    const script = fileURLToPath(new URL("member-process.ts", import.meta.url));
    const { file, args } = network.on(name);
    const node = new OurNode(name, spawn(file, [...args, process.execPath, script, JSON.stringify(config)]));
    await node.#answers.next();
    return node;
  }

  async ask(verb: string, value = ""): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify({ do: verb, value })}\n`);
    const line = (await this.#answers.next()) as IteratorResult<string>;
    const answer = JSON.parse(String(line.value)) as { value?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`${this.name}: ${answer.error}`);
    return answer.value;
  }

  async list(): Promise<Record<string, string>> {
    const members = (await this.ask("list")) as Record<string, { state: string }>;
    return Object.fromEntries(Object.entries(members).map(([name, { state }]) => [name, state]));
  }

  async join(address: string): Promise<void> {
    await this.ask("join", address);
  }

  async leave(): Promise<void> {
    await this.ask("leave");
    await end(this.#child, "SIGTERM");
  }

  kill(): Promise<void> {
    return end(this.#child, "SIGKILL");
  }
}

/** Serf's words for memberlist's states. Serf shows a suspect as alive. */
const SERF_STATES: Readonly<Record<string, string>> = { alive: "alive", failed: "dead", left: "left", leaving: "left" };

export class SerfNode implements InteropNode {
  readonly name: string;
  readonly #network: PrivateNetwork;
  readonly #child: ChildProcessWithoutNullStreams;
  log = "";

  private constructor({ network, name }: Place, child: ChildProcessWithoutNullStreams) {
    this.name = name;
    this.#network = network;
    this.#child = child;
    child.stdout.on("data", (chunk: Buffer) => (this.log += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (this.log += chunk.toString()));
  }

  static async start(place: Place): Promise<SerfNode> {
    const { file, args } = place.network.on(place.name);
    const flags = [`-node=${place.name}`, `-bind=${place.address}`, `-encrypt=${place.key}`, "-log-level=debug"];
    const node = new SerfNode(place, spawn(file, [...args, "serf", "agent", ...flags, "-tag", "kind=serf"]));
    await eventually(async () => Object.keys(await node.list()).length > 0, { what: `${place.name} started` });
    return node;
  }

  async serf(...words: string[]): Promise<string> {
    const { file, args } = this.#network.on(this.name);
    return (await run(file, [...args, "serf", ...words])).stdout;
  }

  async list(): Promise<Record<string, string>> {
    const { members } = JSON.parse(await this.serf("members", "-format=json")) as {
      members: { name: string; status: string }[];
    };
    return Object.fromEntries(members.map(({ name, status }) => [name, SERF_STATES[status] ?? status]));
  }

  async join(address: string): Promise<void> {
    await this.serf("join", address);
  }

  async leave(): Promise<void> {
    // It may have ended before `serf leave` itself has: whoever listens only then waits for ever.
    const exited = once(this.#child, "exit");
    await this.serf("leave");
    await exited;
  }

  kill(): Promise<void> {
    return end(this.#child, "SIGKILL");
  }
}
