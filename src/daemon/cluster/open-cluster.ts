import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { deadline } from "../../lib/deadline.ts";
import { describeError } from "../../lib/log.ts";
import type { Part } from "../../lib/run-together.ts";
import { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { ClusterListener } from "../../security/cluster-port/cluster-listener.ts";
import type { DialPeerDeps } from "../../security/cluster-port/dial-peer.ts";
import { JoinServer } from "../../security/cluster-port/join-server.ts";
import { answerPeer, askPeer, type PeerMessage } from "../../security/cluster-port/peer-exchange.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { GossipKeys } from "../../security/gossip-keys.ts";
import { JoinTokens } from "../../security/join-tokens.ts";
import { NodeIdentity } from "../../security/node-identity.ts";
import type { AgentDeps, State } from "../agent/state.ts";
import type { Trust } from "../agent/trust.ts";
import type { AgentConfig, HostPort } from "../config/agent-config.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";
import { type ClusterMetrics, clusterMetrics } from "./cluster-metrics.ts";
import { GossipRotation } from "./gossip-rotation.ts";
import { gossipKeysFile, trustDirectory } from "./join-at-start.ts";
import { MemberFile } from "./member-file.ts";
import { MembershipChanges } from "./membership-changes.ts";

/** While a node that knows of others sees none of them, it asks again this often. */
const REJOIN_MS = 5_000;
const LOOK_AFTER_MS = 15_000;
const HOUR_MS = 3_600_000;

export interface Cluster {
  readonly joinTokens: JoinTokens;
  /** The cluster that this node is of, and how to join it. */
  readonly about: { readonly clusterId: string; readonly address: string };
  members(): MemberView[];
  rotateGossip(): Promise<string>;
  rotateData(): Promise<string>;
  remove(nodeName: string): Promise<string>;
  leave(): Promise<string>;
  readonly parts: readonly Part[];
}

interface ClusterDeps extends AgentDeps {
  readonly state: State;
  readonly trust: Trust;
  readonly sockets: ReceivedSockets;
}

/** The cluster port: membership, joining, and connections between members. */
export async function openCluster(config: AgentConfig, deps: ClusterDeps): Promise<Cluster> {
  const { clock, logger, state, trust, sockets } = deps;
  const { nodeName, advertiseAddr, bindAddr, dataDir } = config;
  const own = { ...deps, logger: logger.with({ part: "cluster" }) };
  const { authority } = trust;
  const first = config.encryptionKey === undefined ? undefined : [Buffer.from(config.encryptionKey, "base64")];
  const gossip = await GossipKeys.open(gossipKeysFile(dataDir), first);
  const joinTokens = new JoinTokens({ store: state.store, clock, nodeName, caDigest: () => authority.digest });
  const late: Late = { members: () => [], peer: (socket) => void socket.destroy() };
  const metrics = clusterMetrics(state.metrics, () => late.members().filter(isAlive).length);
  const { identity, denied, joins, listener } = await openListener(config, {
    ...own,
    gossip,
    joinTokens,
    metrics,
    late,
  });
  const client = await MembershipClient.open(
    { log: own.logger },
    {
      name: nodeName,
      bind: bindAddr,
      advertise: { host: advertiseAddr, port: bindAddr.port },
      label: authority.clusterId,
      keys: gossip.keys,
      logLevel: config.logLevel,
    },
    { streams: "given", onTls: (socket) => listener.accept(socket) },
  );
  const stop = new AbortController();
  const link = { authority, identity, denied, clock };
  const changing = { gossip, client, listener, link, signal: stop.signal };
  const { rotation, changes, answer } = openChanges(config, changing);
  client.subscribe((report) => {
    if (report.kind === "joined") joins.appeared(report.member.name);
  }, stop.signal);
  late.members = () => client.members();
  late.peer = (socket) => void answerWithin(socket, answer, { clock, signal: stop.signal });
  const file = new MemberFile(memberFilePath(dataDir));
  const look = { client, rotation, file, metrics, asked: config.join.map(textOf), nodeName };
  return {
    joinTokens,
    about: { clusterId: authority.clusterId, address: textOf({ host: advertiseAddr, port: bindAddr.port }) },
    members: () => client.members(),
    ...rotating({ rotation, state }),
    remove: (name) => changes.remove(name),
    leave: () => changes.leave(),
    parts: [
      { name: "node certificate", run: (signal) => identity.run(signal) },
      { name: "cluster listener", run: (signal) => listener.run(signal) },
      { name: "membership", run: (signal) => client.run(signal).finally(() => stop.abort()) },
      { name: "membership changes", run: (signal) => changes.run(signal) },
      { name: "cluster port", run: (signal) => serve(sockets, (socket) => client.accept(socket), signal) },
      { name: "members", run: (signal) => lookAfterMembers(look, own, signal) },
      { name: "join token clean-up", run: (signal) => cleanUp(joinTokens, { clock, logger: own.logger }, signal) },
    ],
  };
}

interface ChangesDeps {
  readonly gossip: GossipKeys;
  readonly client: MembershipClient;
  readonly listener: ClusterListener;
  readonly link: DialPeerDeps;
  readonly signal: AbortSignal;
}

/** What members do together, and what this one answers when another asks for its part. */
function openChanges(
  { nodeName, dataDir }: AgentConfig,
  { gossip, client, listener, link, signal }: ChangesDeps,
): {
  readonly rotation: GossipRotation;
  readonly changes: MembershipChanges;
  readonly answer: (question: PeerMessage) => Promise<PeerMessage>;
} {
  const ask = (address: HostPort, question: PeerMessage): Promise<PeerMessage> =>
    askWithin(link, { host: address.host, port: address.port, question }, signal);
  const { denied, clock } = link;
  const rotation = new GossipRotation({ gossip, client, denied, nodeName, ask });
  const dropDenied = (): void => listener.dropDenied();
  const files = { trustDirectory: trustDirectory(dataDir), memberFile: memberFilePath(dataDir) };
  const changes = new MembershipChanges({ client, rotation, denied, dropDenied, ask, clock, nodeName, ...files });
  const answer = (question: PeerMessage): Promise<PeerMessage> =>
    question["kind"] === "deny-node" ? changes.answer(question) : rotation.answer(question);
  return { rotation, changes, answer };
}

function memberFilePath(dataDir: string): string {
  return join(dataDir, "members");
}

interface ListenerDeps extends ClusterDeps {
  readonly gossip: GossipKeys;
  readonly joinTokens: JoinTokens;
  readonly metrics: ClusterMetrics;
  readonly late: Late;
}

/** What the listener needs of the membership, which opens after it. */
interface Late {
  members: () => MemberView[];
  peer: (socket: TLSSocket) => void;
}

const PEER_MS = 10_000;

async function askWithin(
  deps: DialPeerDeps,
  asked: HostPort & { readonly question: PeerMessage },
  signal: AbortSignal,
): Promise<PeerMessage> {
  using limit = deadline(PEER_MS, signal, deps.clock);
  return await askPeer(deps, asked, limit.signal);
}

async function answerWithin(
  socket: TLSSocket,
  answer: (question: PeerMessage) => Promise<PeerMessage>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  using limit = deadline(PEER_MS, signal, clock);
  await answerPeer(socket, answer, limit.signal);
}

function rotating({
  rotation,
  state,
}: {
  readonly rotation: GossipRotation;
  readonly state: State;
}): Pick<Cluster, "rotateGossip" | "rotateData"> {
  return {
    rotateGossip: async () => {
      const count = await rotation.rotate();
      return `The gossip key is replaced on ${count === 1 ? "the one node" : `all ${count} nodes`}.`;
    },
    rotateData: async () =>
      (await state.rotateDataKey())
        ? "The data key is replaced: all secrets on this node's disk and in its backups are encrypted with the new one."
        : "The data key is replaced. The older one stays for a backup that could not be read: see the agent's log.",
  };
}

async function openListener(
  config: AgentConfig,
  deps: ListenerDeps,
): Promise<{
  readonly identity: NodeIdentity;
  readonly denied: DeniedNodes;
  readonly joins: JoinServer;
  readonly listener: ClusterListener;
}> {
  const { clock, random, logger: log, state, trust, gossip, joinTokens: tokens, metrics, late } = deps;
  const { nodeName, advertiseAddr, dataDir } = config;
  const { authority } = trust;
  const identity = new NodeIdentity(
    { authority, clock, random, log },
    { directory: trustDirectory(dataDir), nodeName, addresses: [advertiseAddr] },
  );
  await identity.load();
  const joins = new JoinServer({
    tokens,
    authority,
    gossipKeys: () => gossip.keys,
    members: () => late.members().filter(isAlive).map(addressOf),
    nameTaken: (name) => nameTaken(name, { nodeName, members: late.members() }),
    clock,
  });
  const denied = new DeniedNodes({ store: state.store, clock });
  const listener = new ClusterListener({
    authority,
    identity,
    denied,
    joins,
    clock,
    log,
    ...reporting(config, { state, metrics }),
    peer: ({ socket }) => late.peer(socket),
  });
  return { identity, denied, joins, listener };
}

/** A dead node's name may be taken again: by the same node, made anew. */
function nameTaken(
  name: string,
  { nodeName, members }: { readonly nodeName: string; readonly members: readonly MemberView[] },
): string | undefined {
  if (name === nodeName)
    return `the name ${name} is this member's own: give the joining node another one with --node-name`;
  const found = members.find((member) => member.name === name && (isAlive(member) || member.state === "suspect"));
  if (!found) return undefined;
  return `the name ${name} is a living node's, at ${found.host}: give the joining node another one with --node-name`;
}

/** Every refusal and every join is an Event of this node, which the recorder keeps from becoming too many. */
function reporting(
  { nodeName }: AgentConfig,
  { state, metrics }: { readonly state: State; readonly metrics: ClusterMetrics },
): Pick<ConstructorParameters<typeof ClusterListener>[0], "refused" | "joined"> {
  const recorder = state.recorder({ component: "podman-swarm-cluster", host: nodeName });
  const regarding = { kind: "Node", apiVersion: "v1", name: nodeName };
  return {
    refused: (refusal) => {
      metrics.refused(refusal);
      const { reason, message, source, nodeName: named } = refusal;
      const who = named === undefined ? source : `${JSON.stringify(named)} at ${source}`;
      recorder.record({
        regarding,
        type: "Warning",
        reason,
        message: `Refused ${who} on the cluster port: ${message}`,
      });
    },
    joined: ({ nodeName: name, source, token }) => {
      metrics.joined();
      recorder.record({
        regarding,
        type: "Normal",
        reason: "NodeJoined",
        message: `${name} at ${source} joined with the token ${token}`,
      });
    },
  };
}

async function serve(sockets: ReceivedSockets, accept: (socket: Socket) => void, signal: AbortSignal): Promise<void> {
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

interface LookAfter {
  readonly client: MembershipClient;
  readonly rotation: GossipRotation;
  readonly file: MemberFile;
  readonly metrics: ClusterMetrics;
  /** Of --join. */
  readonly asked: readonly string[];
  readonly nodeName: string;
}

/** Finds the others again after a start, remembers where they are, and counts. */
async function lookAfterMembers(
  { client, rotation, file, metrics, asked, nodeName }: LookAfter,
  { clock, logger }: AgentDeps,
  signal: AbortSignal,
): Promise<void> {
  const others = (): MemberView[] => client.members().filter((member) => member.name !== nodeName && isAlive(member));
  const known = new Set([...asked, ...(await file.read())]);
  while (!signal.aborted) {
    try {
      if (others().length === 0 && known.size > 0) await findAgain([...known], { client, rotation });
      // Who is alone now may have been parted from the others: their addresses stay.
      if (others().length > 0) {
        for (const address of others().map(addressOf)) known.add(address);
        await file.write(others().map(addressOf));
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.warn("Cannot find the other members; trying again", { error: (error as Error).message });
    }
    metrics.membership(await client.metrics());
    const wait = others().length === 0 && known.size > 0 ? REJOIN_MS : LOOK_AFTER_MS;
    await clock.sleep(wait, signal).catch(() => {}); // the loop sees the end
  }
}

/** Also after a time away, in which the others may have replaced their key. */
async function findAgain(
  addresses: readonly string[],
  { client, rotation }: Pick<LookAfter, "client" | "rotation">,
): Promise<void> {
  try {
    await client.join(addresses);
  } catch (error) {
    const fetched = await Promise.allSettled(addresses.map((address) => rotation.fetch(endpointOf(address))));
    if (!fetched.some((one) => one.status === "fulfilled" && one.value)) {
      const refusals = fetched.flatMap((one) => (one.status === "rejected" ? [describeError(one.reason)] : []));
      throw new Error([describeError(error), ...refusals].join("; "), { cause: error });
    }
    await client.join(addresses);
  }
}

async function cleanUp(
  tokens: JoinTokens,
  { clock, logger }: Pick<AgentDeps, "clock" | "logger">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await tokens.removeOld();
    } catch (error) {
      logger.error("cannot remove old join tokens", { error: describeError(error) });
    }
    await clock.sleep(HOUR_MS, signal).catch(() => {}); // the loop sees the end
  }
}

function isAlive({ state }: MemberView): boolean {
  return state === "alive";
}

function addressOf({ host, port }: MemberView): string {
  return textOf({ host, port });
}

function endpointOf(address: string): HostPort {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at).replaceAll(/[[\]]/g, ""), port: Number(address.slice(at + 1)) };
}

function textOf({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
