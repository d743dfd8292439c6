import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { ClusterListener } from "../../security/cluster-port/cluster-listener.ts";
import type { DialPeerDeps } from "../../security/cluster-port/dial-peer.ts";
import { JoinServer } from "../../security/cluster-port/join-server.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import type { GossipKeys } from "../../security/gossip-keys.ts";
import type { JoinTokens } from "../../security/tokens/join-tokens.ts";
import { NodeIdentity } from "../../security/certificates/node-identity.ts";
import type { AgentDeps, State } from "../agent/state.ts";
import type { Trust } from "../agent/trust.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";
import type { Removals } from "../replication/removals.ts";
import type { ClusterMetrics } from "./cluster-metrics.ts";
import { trustDirectory } from "./join-at-start.ts";
import { formatAddress } from "./member-address.ts";
import { PeerQuestions } from "./peer-questions.ts";
import { portEvents } from "./port-events.ts";

export interface PortDeps extends AgentDeps {
  readonly state: State;
  readonly trust: Trust;
  readonly gossip: GossipKeys;
  readonly joinTokens: JoinTokens;
  readonly removals: Removals;
  readonly metrics: ClusterMetrics;
  /** Who is known by now: none until the membership is open. */
  readonly members: () => readonly MemberView[];
  /** Ends connections to others. */
  readonly signal: AbortSignal;
}

/** What speaks TLS on the cluster port. */
export interface Port extends DialPeerDeps {
  readonly identity: NodeIdentity;
  readonly denied: DeniedNodes;
  readonly joins: JoinServer;
  readonly questions: PeerQuestions;
  readonly listener: ClusterListener;
}

export async function openPort(config: AgentConfig, deps: PortDeps): Promise<Port> {
  const { clock, random, logger: log, state, trust, gossip, joinTokens: tokens, removals } = deps;
  const { metrics, members, signal } = deps;
  const { nodeName, advertiseAddr, dataDir } = config;
  const { authority } = trust;
  const identity = new NodeIdentity(
    { authority, clock, random, log },
    { directory: trustDirectory(dataDir), nodeName, addresses: [advertiseAddr] },
  );
  await identity.load();
  const denied = new DeniedNodes({ store: state.store, clock });
  const link = { authority, identity, denied, clock };
  const joins = new JoinServer({
    tokens,
    authority,
    gossipKeys: () => gossip.keys,
    members: () =>
      members()
        .filter(({ state: health }) => health === "alive")
        .map(formatAddress),
    removals: () => removals.known(),
    nameTaken: (name) => nameTaken(name, { nodeName, members: members() }),
    deniedUntil: (name) => denied.until(name),
    clock,
  });
  const questions = new PeerQuestions(link, { signal });
  const listener = new ClusterListener({
    ...link,
    joins,
    log,
    ...portEvents(config, { state, metrics }),
    peer: (connection) => void questions.serve(connection),
  });
  return { ...link, joins, questions, listener };
}

/** A dead node's name may be taken again: by the same node, made anew. */
function nameTaken(
  name: string,
  { nodeName, members }: { readonly nodeName: string; readonly members: readonly MemberView[] },
): string | undefined {
  if (name === nodeName)
    return `the name ${name} is this member's own: give the joining node another one with --node-name`;
  const found = members.find((member) => member.name === name && ["alive", "suspect"].includes(member.state));
  if (!found) return undefined;
  return `the name ${name} is a living node's, at ${found.host}: give the joining node another one with --node-name`;
}

/** Takes the connections of the port until the signal: gossip and TLS alike. */
export async function servePort(
  sockets: ReceivedSockets,
  accept: (socket: Socket) => void,
  signal: AbortSignal,
): Promise<void> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    accept(socket);
  });
  await sockets.listen("cluster", server);
  if (!signal.aborted) await once(signal, "abort");
  for (const socket of open) socket.destroy();
  server.close();
  await once(server, "close");
}
