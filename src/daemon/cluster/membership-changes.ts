import { rename, rm } from "node:fs/promises";
import { ApiError } from "../../api/api-error.ts";
import { timestamp, type Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import type { ClusterListener } from "../../security/cluster-port/cluster-listener.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import { deniedNodeKey, type DeniedNodes } from "../../security/denied-nodes.ts";
import type { KnownMember } from "../replication/cluster-members.ts";
import type { Replication } from "../replication/open-replication.ts";
import type { AfterCompromise } from "./after-compromise.ts";
import type { GossipRotation } from "./gossip-rotation.ts";
import { trustDirectory } from "./join-at-start.ts";
import { forgetRemoval } from "./own-removal.ts";
import type { PeerQuestions } from "./peer-questions.ts";
import { Round, tellAway } from "./round.ts";

/** This node has left its cluster on request. The agent ends with it, and does not start again by itself. */
export class LeftCluster extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LeftCluster";
  }
}

const LEAVE = "leave";
/** For one member, of those that a node that leaves may tell. */
const ATTEMPT_MS = 5_000;
/** By then an answer has gone out. */
const ANSWERED_MS = 500;

export interface MembershipChangesDeps {
  /** All others that are of the cluster, living or not. */
  readonly others: () => readonly Pick<KnownMember, "name" | "joined">[];
  readonly client: Pick<MembershipClient, "members" | "leave" | "forceLeave">;
  readonly gossip: Pick<GossipRotation, "rotate">;
  readonly compromise: Pick<AfterCompromise, "replaceAll">;
  readonly denied: DeniedNodes;
  readonly listener: Pick<ClusterListener, "dropDenied">;
  readonly replication: Pick<Replication, "question">;
  readonly questions: Pick<PeerQuestions, "ask" | "answers">;
  readonly clock: Clock;
  readonly nodeName: string;
}

/** What a node that leaves sets aside or forgets. */
export interface MembershipFiles {
  readonly dataDir: string;
  readonly memberFile: string;
}

/** Nodes that go: this one, or another that is removed. */
export class MembershipChanges {
  readonly #deps: MembershipChangesDeps;
  readonly #files: MembershipFiles;
  readonly #left = Promise.withResolvers<never>();

  constructor(deps: MembershipChangesDeps, files: MembershipFiles) {
    this.#deps = deps;
    this.#files = files;
    // Whoever runs the node sees it.
    this.#left.promise.catch(() => {});
    deps.questions.answers(LEAVE, async (_, { nodeName, memberSince }) => {
      // By another's clock it may have come later than now.
      await deps.denied.deny(nodeName, Math.max(deps.clock.now(), memberSince));
      return {};
    });
  }

  /** Rejects with LeftCluster once this node has left; resolves at the signal. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#left.promise, untilAborted(signal)]);
  }

  /**
   * Refuses a node's certificates on all living members, and replaces the gossip key without it; with `compromised`
   * everything that it could have read. Rejects where a member could not be told: then it can be done again.
   */
  async remove(name: string, { compromised = false }: { readonly compromised?: boolean } = {}): Promise<string> {
    const { client, nodeName, gossip, compromise, denied, others: known } = this.#deps;
    if (name === nodeName) {
      throw new ApiError("Conflict", `${name} is the node that was asked: psctl leave takes it out`);
    }
    const members = [...client.members(), ...known()];
    // A removal that broke off may be done again when nobody lists the node any more.
    const isKnown = members.some((member) => member.name === name) || denied.until(name) !== undefined;
    if (!isKnown) throw new ApiError("NotFound", `there is no member ${name}`);
    await this.#deny(name);
    const done = `The node ${name} is removed: its certificates are refused`;
    if (compromised) {
      const told = await compromise.replaceAll([name]);
      await client.forceLeave(name);
      return [`${done}.`, ...told].join("\n");
    }
    const { count, away } = await gossip.rotate([name]);
    await client.forceLeave(name);
    const others = away.filter((one) => one !== name);
    return `${done}, and ${count === 1 ? "this node has" : `the other ${count} have`} a new gossip key.${tellAway(others)}`;
  }

  /**
   * Has a member deny this node, sets this node's trust aside, and ends the agent. Containers go on running. Until a
   * member has it on its disk nothing is changed; after that, doing it again goes on where it broke off.
   */
  async leave(): Promise<string> {
    const { client, nodeName, clock } = this.#deps;
    const { dataDir, memberFile } = this.#files;
    await this.#beDenied(client.members().filter(({ name, state }) => name !== nodeName && state === "alive"));
    await client.leave();
    const pki = trustDirectory(dataDir);
    const aside = `${pki}.left-${timestamp(clock.now()).replaceAll(/[-:]/g, "")}`;
    await rename(pki, aside);
    await rm(memberFile, { force: true });
    // A member may have said so already, to a question from before.
    await forgetRemoval(dataDir);
    const message =
      `The node ${nodeName} has left the cluster, and its agent ends. Its containers run on; its keys and certificates ` +
      `are in ${aside}. Started again, it is a cluster of its own, or joins one with --join and a token.`;
    // The answer to who has asked goes out first.
    clock.timer(ANSWERED_MS, () => this.#left.reject(new LeftCluster(message)));
    return message;
  }

  /** One member is enough: all others have it from that one. */
  async #beDenied(others: readonly MemberView[]): Promise<void> {
    if (others.length === 0) throw new Error("there is no other living member to leave");
    const failures: string[] = [];
    for (const { name: nodeName, host, port } of others) {
      try {
        await this.#deps.questions.ask({ host, port, nodeName }, { kind: LEAVE }, { timeoutMs: ATTEMPT_MS });
        return;
      } catch (error) {
        // It was asked before, and the answer was lost.
        if (error instanceof RefusedError && error.reason === "NodeDenied" && error.byOther) return;
        failures.push(`${nodeName}: ${describeError(error)}`);
      }
    }
    throw new Error(`no other member could be told: ${failures.join("; ")}`);
  }

  /** All living members have it on their disks afterwards; who is away gets it when it is back. */
  async #deny(node: string): Promise<void> {
    const { denied, listener, replication, others, clock } = this.#deps;
    // By another's clock it may have joined later than now.
    const joined = others().find(({ name }) => name === node)?.joined ?? 0;
    await denied.deny(node, Math.max(clock.now(), joined));
    await new Round(this.#deps, { except: [node] }).ask(replication.question([deniedNodeKey(node)]));
    listener.dropDenied();
  }
}
