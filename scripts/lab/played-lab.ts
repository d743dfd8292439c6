import { Lab } from "../../test/lab/lab.ts";
import type { Entrance } from "../../test/lab/enter-host.ts";
import type { Pair } from "../../test/lab/switch-rules.ts";
import type { AgentPlace } from "../../test/support/agent-process.ts";
import { LabCluster, type LabNode } from "../../test/support/lab-cluster.ts";
import { root } from "../root.ts";
import type { Order } from "./control.ts";

export interface LabStatus {
  readonly user: AgentPlace["user"];
  readonly nodes: readonly NodeStatus[];
  readonly losses: readonly { readonly between: Pair; readonly percent: number }[];
}

interface NodeStatus {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly kubeconfig: string;
  /** On the machine's loopback. */
  readonly ingress: string;
}

/** How a shell gets into a host. */
export interface Door {
  readonly entrance: Entrance;
  readonly as: AgentPlace["user"];
  readonly env: Readonly<Record<string, string>>;
}

/** A lab with a cluster in it, and what people do to it. */
export class PlayedLab {
  readonly #lab: Lab;
  readonly #cluster: LabCluster;
  readonly #user: AgentPlace["user"];

  private constructor(lab: Lab, user: AgentPlace["user"]) {
    this.#lab = lab;
    this.#user = user;
    this.#cluster = new LabCluster(lab, { user });
  }

  static async start({ hosts, user }: { hosts: number; user: AgentPlace["user"] }): Promise<PlayedLab> {
    return new PlayedLab(await Lab.start({ hosts }), user);
  }

  async form(tell: (line: string) => void): Promise<void> {
    await this.#cluster.form((node, ms) => {
      tell(`${node.name} runs on ${node.host.address} and is in all lists after ${(ms / 1000).toFixed(2)} s`);
    });
  }

  async stop(): Promise<void> {
    await this.#lab.stop();
  }

  async obey([command, ...args]: Order): Promise<unknown> {
    const found = COMMANDS[command];
    if (found === undefined) throw new Error(`Cannot ${command}: the lab knows no such command`);
    return await found({ lab: this.#lab, cluster: this.#cluster, user: this.#user }, args);
  }
}

interface Played {
  readonly lab: Lab;
  readonly cluster: LabCluster;
  readonly user: AgentPlace["user"];
}

type Command = (played: Played, args: readonly string[]) => Promise<unknown>;

const COMMANDS: Readonly<Record<string, Command>> = {
  status: async (played) => statusOf(played),
  door: async (played, [number]) => doorOf(nodeOf(played, number), played.user),
  "log-file": async (played, [number]) => nodeOf(played, number).logFile,
  crash: async (played, [number]) => {
    const node = nodeOf(played, number);
    await node.crash();
    return `${node.host.name} has no power`;
  },
  boot: async (played, [number]) => {
    const node = nodeOf(played, number);
    await node.boot();
    return `${node.host.name} has booted, and ${node.name} with it`;
  },
  cut: async (played, [number]) => {
    const { host } = nodeOf(played, number);
    host.cut();
    return `the cable of ${host.name} is pulled`;
  },
  heal: async (played, [number]) => {
    const { host } = nodeOf(played, number);
    host.heal();
    return `the cable of ${host.name} is plugged in`;
  },
  part: async ({ lab }, numbers) => {
    lab.part(pairOf(numbers));
    return `h${numbers.join(" and h")} do not reach each other`;
  },
  lose: async ({ lab }, [percent = "", ...numbers]) => {
    lab.lose(numberOf(percent), ...pairsOf(numbers));
    const where = numbers.length === 0 ? "all hosts" : `h${numbers.join(" and h")}`;
    return `${percent} % of the packets between ${where} are lost`;
  },
  mend: async ({ lab }, numbers) => {
    lab.mend(...pairsOf(numbers));
    return numbers.length === 0 ? "nothing is lost any more" : `h${numbers.join(" and h")} reach each other`;
  },
  join: async (played, [number]) => {
    const node = nodeOf(played, number);
    const through = played.cluster.nodes.find((one) => one !== node && one.runs);
    if (through === undefined) throw new Error(`Cannot have ${node.name} join: no other node runs`);
    const order = await through.joinOrder();
    await node.wipe();
    await node.start(order);
    return `${node.name} is new and has joined through ${through.name}`;
  },
};

function statusOf({ lab, cluster, user }: Played): LabStatus {
  const nodes = cluster.nodes.map((node) => ({
    name: node.name,
    address: node.host.address,
    state: stateOf(node),
    kubeconfig: node.agent.kubeconfig,
    ingress: `http://127.0.0.1:${node.agent.ingressPort}`,
  }));
  return { user, nodes, losses: lab.losses };
}

function stateOf({ host, runs }: LabNode): string {
  if (!host.isUp) return "no power";
  const cable = host.isCut ? ", cut off" : "";
  return runs ? `runs${cable}` : `agent has ended${cable}`;
}

function doorOf(node: LabNode, user: AgentPlace["user"]): Door {
  const { host } = node;
  const PATH = `${host.path(`${root}/dist`)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  const env = { PATH, KUBECONFIG: node.agent.kubeconfig, PS1: `${host.name}\\$ ` };
  return { entrance: host.entrance, as: user, env };
}

function nodeOf({ cluster }: Played, number: string | undefined): LabNode {
  return cluster.node(numberOf(number ?? ""));
}

function pairOf([one, other, ...more]: readonly string[]): Pair {
  if (one === undefined || other === undefined || more.length > 0) throw new Error("give the numbers of two hosts");
  return [numberOf(one), numberOf(other)];
}

/** None means all. */
function pairsOf(numbers: readonly string[]): [pairs?: readonly Pair[]] {
  return numbers.length === 0 ? [] : [[pairOf(numbers)]];
}

function numberOf(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(text === "" ? "give the number of a host" : `${text} is no number`);
  return Number(text);
}
