import { type Part, runTogether } from "../../lib/run-together.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import type { Key } from "../../store/port.ts";
import type { ReplicaLinks } from "../../store/replication/replica-links.ts";
import { Replicator } from "../../store/replication/replicator.ts";
import type { AgentDeps, State } from "../agent/state.ts";
import { parseAddress } from "../cluster/member-address.ts";
import type { PeerQuestions, Question } from "../cluster/peer-questions.ts";
import { ClusterMembers, type KnownMember } from "./cluster-members.ts";
import { keepRegistered, type OwnMember, registerMember } from "./own-member.ts";
import { CLUSTER_MEMBERS, DENIED_NODES, isReplicated } from "./replicated.ts";
import { replicationMetrics } from "./replication-metrics.ts";

/** By then the answer to who has removed a node, or leaves, has gone out. */
const ANSWERED_MS = 500;

export interface ReplicationDeps extends AgentDeps {
  readonly state: State;
  readonly client: MembershipClient;
  readonly questions: PeerQuestions;
  /** Closes the connections of those who are denied by now. */
  readonly dropDenied: () => void;
  /** Whether this node's own certificate is refused by now. */
  readonly isRemoved: () => boolean;
}

export interface Replication {
  /** Tells another member what is here under these keys; its answer says that it has that on its disk. */
  question(keys: readonly Key[]): Question;
  /** The other members with their cluster ports, living or not. */
  others(): readonly KnownMember[];
  readonly part: Part;
}

/** What all members have is pushed to the others, and compared with them. */
export async function openReplication(own: OwnMember, deps: ReplicationDeps): Promise<Replication> {
  const { state, client, questions, clock, random, dropDenied, isRemoved } = deps;
  const logger = deps.logger.with({ part: "replication" });
  const { replica: store, metrics } = state;
  const { nodeName } = own;
  await registerMember({ store, clock, logger }, own);
  const members = new ClusterMembers({ store, clock });
  const recorder = state.recorder({ component: "podman-swarm-replication", host: nodeName });
  const observer = replicationMetrics({ metrics, recorder, logger, nodeName, backlog: () => replicator.backlog() });
  const links = memberLinks({ client, questions, members, nodeName });
  const replicator: Replicator = new Replicator(
    { store, links, clock, random, logger, observer },
    { replicates: isReplicated },
  );
  for (const [kind, answer] of Object.entries(replicator.answers)) {
    questions.answers(kind, (question, from) => answer(question, from.nodeName));
  }
  const run = async (signal: AbortSignal): Promise<void> => {
    const appeared = (name: string): void => {
      if (name !== nodeName) replicator.appeared(name);
    };
    client.subscribe((report) => {
      if (report.kind === "joined" || report.kind === "recovered") appeared(report.member.name);
    }, signal);
    // One that was removed and has joined anew is a member again once its own word of it is here.
    store.watch(CLUSTER_MEMBERS, undefined, ({ entry }) => appeared(entry.key.name), signal);
    const drop = (): void => void clock.timer(ANSWERED_MS, dropDenied);
    store.watch(DENIED_NODES, undefined, drop, signal);
    const member: Part = {
      name: "own membership",
      run: (until) => keepRegistered({ store, clock, logger, isRemoved }, own, until),
    };
    await runTogether([member, { name: "replicator", run: (until) => replicator.run(until) }], signal);
  };
  return {
    question: (keys) => replicator.pushQuestion(keys),
    others: () => members.known().filter(({ name }) => name !== nodeName),
    part: { name: "replication", run },
  };
}

interface MemberLinksDeps extends Pick<ReplicationDeps, "client" | "questions"> {
  readonly members: ClusterMembers;
  readonly nodeName: string;
}

function memberLinks({ client, questions, members, nodeName }: MemberLinksDeps): ReplicaLinks {
  const living = (): MemberView[] =>
    client
      .members()
      .filter(({ name, state }) => name !== nodeName && ["alive", "suspect"].includes(state) && !members.isGone(name));
  const lost = (): ReturnType<ClusterMembers["known"]> => {
    const there = new Set([nodeName, ...living().map(({ name }) => name)]);
    return members.known().filter(({ name }) => !there.has(name));
  };
  return {
    living: () => living().map(({ name }) => name),
    lost: () => lost().map(({ name }) => name),
    ask: async (name, question) => {
      const member = living().find((one) => one.name === name);
      const known = member ?? members.known().find((one) => one.name === name);
      if (!known) throw new Error(`Cannot reach ${name}: it is no member`);
      const { host, port } = "address" in known ? parseAddress(known.address) : known;
      return await questions.ask({ host, port, nodeName: name }, question);
    },
  };
}
