import { join } from "node:path";
import { bundle, productSources } from "../../scripts/build/bundle.ts";
import { root } from "../../scripts/root.ts";
import type { ApiClient } from "../../src/client/api-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { eventually } from "../poll.ts";
import { type AgentPlace, AgentProcess } from "./agent-process.ts";
import { joinFlags, type JoinOrder } from "./member-agent.ts";

const DIST = join(root, "dist");

/** Builds what the nodes of a cluster run. */
export async function buildPrograms(): Promise<void> {
  await bundle(productSources(), DIST);
}

interface MemberList {
  readonly members: readonly { readonly name: string; readonly state: string }[];
}

/** A host of a lab with the bundled agent on it, which starts with the host as under systemd. */
export class LabNode {
  readonly host: LabHost;
  readonly name: string;
  readonly user: AgentPlace["user"];
  #agent: AgentProcess | undefined;
  #client: ApiClient | undefined;

  constructor(host: LabHost, { number, user }: { readonly number: number; readonly user: AgentPlace["user"] }) {
    this.host = host;
    this.name = `n${number}`;
    this.user = user;
  }

  get agent(): AgentProcess {
    if (this.#agent === undefined) throw new Error(`Cannot use the agent of ${this.name}: it was never started`);
    return this.#agent;
  }

  /** Whether its agent does. */
  get runs(): boolean {
    return this.#agent?.runs ?? false;
  }

  get logFile(): string {
    return join(this.host.folder, "agent.log");
  }

  /** Starts its agent, for the first time or again. Without a token it is a cluster of its own, or of the one it was of. */
  async start(join?: JoinOrder): Promise<void> {
    const flags = [`--node-name=${this.name}`, ...joinFlags(join)];
    if (this.#agent !== undefined) {
      await this.#agent.startAgain(flags);
    } else {
      const place = { host: this.host, user: this.user } as const;
      const command = [`${DIST}/podman-swarm-agent`] as const;
      const { logFile } = this;
      this.#agent = await AgentProcess.start({ place, command, flags, logFile });
    }
    this.#client?.close();
    this.#client = this.#agent.client();
  }

  /** Ends its agent, and its data with it: the node is as new. */
  async wipe(): Promise<void> {
    this.#client?.close();
    await this.#agent?.stop();
    this.#agent = undefined;
    this.#client = undefined;
  }

  /** Cuts its power. */
  async crash(): Promise<void> {
    await this.host.crash();
  }

  /** Gives it power again: its agent starts by itself. */
  async boot(): Promise<void> {
    await this.host.boot();
    await this.start();
  }

  async request<T>(method: string, path: string, body?: object): Promise<T> {
    if (this.#client === undefined) throw new Error(`Cannot ask ${this.name}: it has no agent`);
    return await this.#client.json<T>(method, path, body === undefined ? {} : { body });
  }

  async text(path: string): Promise<string> {
    if (this.#client === undefined) throw new Error(`Cannot ask ${this.name}: it has no agent`);
    return await this.#client.text("GET", path);
  }

  /** Whom it knows, by name: `alive`, `suspect`, `dead` or `left`. */
  async members(): Promise<Record<string, string>> {
    const { members } = await this.request<MemberList>("GET", "/api/v1/members");
    return Object.fromEntries(members.map(({ name, state }) => [name, state]));
  }

  /** Runs psctl on the host, as whoever runs the agent. */
  async psctl(...words: string[]): Promise<string> {
    return await this.agent.run([`${DIST}/psctl`, ...words, `--kubeconfig=${this.agent.kubeconfig}`]);
  }

  /** What another node needs to join through this one. */
  async joinOrder(): Promise<JoinOrder> {
    return await this.request<JoinOrder>("POST", "/api/v1/join-tokens", {});
  }
}

/** A node on each host of a lab. The lab ends after it. */
export class LabCluster {
  readonly nodes: readonly LabNode[];

  constructor(lab: Lab, { user }: { readonly user: AgentPlace["user"] }) {
    this.nodes = lab.hosts.map((host, at) => new LabNode(host, { number: at + 1, user }));
  }

  /** The node of this number; the first is 1. */
  node(number: number): LabNode {
    const node = this.nodes[number - 1];
    if (node === undefined) throw new Error(`Cannot use node ${number}: there are ${this.nodes.length}`);
    return node;
  }

  /**
   * Starts the first node and has the others join it, one after the other, by a token. Tells of each how many
   * milliseconds it took from the start of its agent until all lists had it.
   */
  async form(tell: (node: LabNode, ms: number) => void): Promise<void> {
    let order: JoinOrder | undefined;
    for (const [at, node] of this.nodes.entries()) {
      await node.start(order);
      const there = this.nodes.slice(0, at + 1);
      await this.agree(allAlive(there), there);
      tell(node, systemClock.monotonic() - node.agent.startedAt);
      order ??= await node.joinOrder();
    }
  }

  /** Resolves when all of these nodes have this list. */
  async agree(list: Readonly<Record<string, string>>, viewers: readonly LabNode[] = this.nodes): Promise<void> {
    let lists: Record<string, string>[] = [];
    const wanted = textOf(list);
    const check = async (): Promise<boolean> => {
      lists = await Promise.all(viewers.map((node) => node.members()));
      return lists.every((one) => says(one, list));
    };
    try {
      await eventually(check, { timeoutMs: 90_000, everyMs: 50, what: `${viewers.length} lists that say ${wanted}` });
    } catch (error) {
      const told = viewers.map(({ name }, at) => `${name}: ${textOf(lists[at] ?? {})}`).join("; ");
      throw new Error(`${(error as Error).message}; ${told}`, { cause: error });
    }
  }

  /** Ends the agents and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.wipe()));
  }
}

export function allAlive(nodes: readonly LabNode[]): Record<string, string> {
  return Object.fromEntries(nodes.map(({ name }) => [name, "alive"]));
}

/** A member that is gone is forgotten after half a minute: not every viewer has it still when the last one sees it. */
function says(seen: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  const names = [...new Set([...Object.keys(seen), ...Object.keys(wanted)])];
  return names.every((name) => {
    const forgotten = seen[name] === undefined && ["dead", "left"].includes(wanted[name] ?? "");
    return seen[name] === wanted[name] || forgotten;
  });
}

function textOf(list: Readonly<Record<string, string>>): string {
  return Object.keys(list)
    .toSorted()
    .map((name) => `${name} ${list[name]}`)
    .join(", ");
}
