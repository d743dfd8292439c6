import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describeError } from "../../lib/log.ts";
import type { Part } from "../../lib/run-together.ts";
import { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { ClusterListener } from "../../security/cluster-port/cluster-listener.ts";
import { JoinServer } from "../../security/cluster-port/join-server.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { GossipKeys } from "../../security/gossip-keys.ts";
import { JoinTokens } from "../../security/join-tokens.ts";
import { NodeIdentity } from "../../security/node-identity.ts";
import type { AgentDeps, State } from "../agent/state.ts";
import type { Trust } from "../agent/trust.ts";
import type { AgentConfig, HostPort } from "../config/agent-config.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";
import { type ClusterMetrics, clusterMetrics } from "./cluster-metrics.ts";
import { gossipKeysFile, trustDirectory } from "./join-at-start.ts";
import { MemberFile } from "./member-file.ts";

/** While a node that knows of others sees none of them, it asks again this often. */
const REJOIN_MS = 5_000;
const LOOK_AFTER_MS = 15_000;
const HOUR_MS = 3_600_000;

export interface Cluster {
  readonly joinTokens: JoinTokens;
  /** The cluster that this node is of, and how to join it. */
  readonly about: { readonly clusterId: string; readonly address: string };
  members(): MemberView[];
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
  const metrics = clusterMetrics(state.metrics);
  const first = config.encryptionKey === undefined ? undefined : [Buffer.from(config.encryptionKey, "base64")];
  const gossip = await GossipKeys.open(gossipKeysFile(dataDir), first);
  const joinTokens = new JoinTokens({ store: state.store, clock, nodeName, caDigest: () => authority.digest });
  const members: { now: () => MemberView[] } = { now: () => [] };
  const { identity, listener } = await openListener(config, { ...own, gossip, joinTokens, metrics, members });
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
  members.now = () => client.members();
  const file = new MemberFile(join(dataDir, "members"));
  const look = { client, file, metrics, asked: config.join.map(textOf), nodeName };
  return {
    joinTokens,
    about: { clusterId: authority.clusterId, address: textOf({ host: advertiseAddr, port: bindAddr.port }) },
    members: members.now,
    parts: [
      { name: "node certificate", run: (signal) => identity.run(signal) },
      { name: "cluster listener", run: (signal) => listener.run(signal) },
      { name: "membership", run: (signal) => client.run(signal) },
      { name: "cluster port", run: (signal) => serve(sockets, (socket) => client.accept(socket), signal) },
      { name: "members", run: (signal) => lookAfterMembers(look, own, signal) },
      { name: "join token clean-up", run: (signal) => cleanUp(joinTokens, { clock, logger: own.logger }, signal) },
    ],
  };
}

interface ListenerDeps extends ClusterDeps {
  readonly gossip: GossipKeys;
  readonly joinTokens: JoinTokens;
  readonly metrics: ClusterMetrics;
  readonly members: { readonly now: () => MemberView[] };
}

async function openListener(
  config: AgentConfig,
  deps: ListenerDeps,
): Promise<{ readonly identity: NodeIdentity; readonly listener: ClusterListener }> {
  const { clock, random, logger: log, state, trust, gossip, joinTokens: tokens, metrics, members } = deps;
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
    members: () => members.now().filter(isAlive).map(addressOf),
    nameTaken: (name) => nameTaken(name, { nodeName, members: members.now() }),
    clock,
  });
  const listener = new ClusterListener({
    authority,
    identity,
    denied: new DeniedNodes({ store: state.store, clock }),
    joins,
    clock,
    log,
    ...reporting(config, { state, metrics }),
    // Nothing is shared over such connections yet.
    peer: ({ socket }) => void socket.end(),
  });
  return { identity, listener };
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
  readonly file: MemberFile;
  readonly metrics: ClusterMetrics;
  /** Of --join. */
  readonly asked: readonly string[];
  readonly nodeName: string;
}

/** Finds the others again after a start, remembers where they are, and counts. */
async function lookAfterMembers(
  { client, file, metrics, asked, nodeName }: LookAfter,
  { clock, logger }: AgentDeps,
  signal: AbortSignal,
): Promise<void> {
  const others = (): MemberView[] => client.members().filter((member) => member.name !== nodeName && isAlive(member));
  const known = new Set([...asked, ...(await file.read())]);
  while (!signal.aborted) {
    try {
      if (others().length === 0 && known.size > 0) await client.join([...known]);
      // Who is alone now may have been parted from the others: their addresses stay.
      if (others().length > 0) await file.write(others().map(addressOf));
    } catch (error) {
      if (signal.aborted) return;
      logger.warn("Cannot find the other members; trying again", { error: describeError(error) });
    }
    metrics.members(others().length + 1);
    metrics.membership(await client.metrics());
    const wait = others().length === 0 && known.size > 0 ? REJOIN_MS : LOOK_AFTER_MS;
    await clock.sleep(wait, signal).catch(() => {}); // the loop sees the end
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

function textOf({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
