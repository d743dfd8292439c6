import { describeError } from "../../lib/log.ts";
import type { Part } from "../../lib/run-together.ts";
import { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { GossipKeys } from "../../security/gossip-keys.ts";
import { JoinTokens } from "../../security/join-tokens.ts";
import type { AgentDeps, State } from "../agent/state.ts";
import type { Trust } from "../agent/trust.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";
import { clusterMetrics } from "./cluster-metrics.ts";
import { GossipRotation } from "./gossip-rotation.ts";
import { gossipKeysFile, trustDirectory } from "./join-at-start.ts";
import { keepInTouch } from "./keep-in-touch.ts";
import { formatAddress } from "./member-address.ts";
import { MemberFile } from "./member-file.ts";
import { MembershipChanges } from "./membership-changes.ts";
import { openPort, type Port, servePort } from "./open-port.ts";

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

/**
 * The cluster port and what members do together. Each behaviour has a file of its own, and asks the same one on other
 * members by `port.questions`.
 */
export async function openCluster(config: AgentConfig, deps: ClusterDeps): Promise<Cluster> {
  const { clock, state, trust, sockets } = deps;
  const { nodeName, advertiseAddr, bindAddr, dataDir } = config;
  const own = { ...deps, logger: deps.logger.with({ part: "cluster" }) };
  const { authority } = trust;
  const first = config.encryptionKey === undefined ? undefined : [Buffer.from(config.encryptionKey, "base64")];
  const gossip = await GossipKeys.open(gossipKeysFile(dataDir), first);
  const joinTokens = new JoinTokens({ store: state.store, clock, nodeName, caDigest: () => authority.digest });
  const stop = new AbortController();
  const seen: { client?: MembershipClient } = {};
  const members = (): MemberView[] => seen.client?.members() ?? [];
  const metrics = clusterMetrics(state.metrics, () => members().filter((one) => one.state === "alive").length);
  const port = await openPort(config, { ...own, gossip, joinTokens, metrics, members, signal: stop.signal });
  const client = await openMembership(config, { ...own, gossip, port, signal: stop.signal });
  seen.client = client;
  const { questions, denied, identity, listener } = port;
  const file = new MemberFile(dataDir);
  const rotation = new GossipRotation({ gossip, client, denied, nodeName, questions });
  const changes = new MembershipChanges(
    { client, rotation, denied, listener, questions, clock, nodeName },
    { trustDirectory: trustDirectory(dataDir), memberFile: file.path },
  );
  const touch = { ...own, client, rotation, file, metrics, asked: config.join.map(formatAddress), nodeName };
  return {
    joinTokens,
    about: { clusterId: authority.clusterId, address: formatAddress({ host: advertiseAddr, port: bindAddr.port }) },
    members,
    rotateGossip: () => rotateGossip(rotation),
    rotateData: () => rotateData(state),
    remove: (name) => changes.remove(name),
    leave: () => changes.leave(),
    parts: [
      { name: "node certificate", run: (signal) => identity.run(signal) },
      { name: "cluster listener", run: (signal) => listener.run(signal) },
      { name: "membership", run: (signal) => client.run(signal).finally(() => stop.abort()) },
      { name: "membership changes", run: (signal) => changes.run(signal) },
      { name: "cluster port", run: (signal) => servePort(sockets, (socket) => client.accept(socket), signal) },
      { name: "members", run: (signal) => keepInTouch(touch, signal) },
      { name: "join token clean-up", run: (signal) => cleanUp(joinTokens, own, signal) },
    ],
  };
}

interface MembershipDeps extends AgentDeps {
  readonly trust: Trust;
  readonly gossip: GossipKeys;
  readonly port: Port;
  readonly signal: AbortSignal;
}

async function openMembership(
  { nodeName, advertiseAddr, bindAddr, logLevel }: AgentConfig,
  { logger, trust, gossip, port, signal }: MembershipDeps,
): Promise<MembershipClient> {
  const client = await MembershipClient.open(
    { log: logger },
    {
      name: nodeName,
      bind: bindAddr,
      advertise: { host: advertiseAddr, port: bindAddr.port },
      label: trust.authority.clusterId,
      keys: gossip.keys,
      logLevel,
    },
    { streams: "given", onTls: (socket) => port.listener.accept(socket) },
  );
  client.subscribe((report) => {
    if (report.kind === "joined") port.joins.appeared(report.member.name);
  }, signal);
  return client;
}

async function rotateGossip(rotation: GossipRotation): Promise<string> {
  const count = await rotation.rotate();
  return `The gossip key is replaced on ${count === 1 ? "the one node" : `all ${count} nodes`}.`;
}

async function rotateData(state: State): Promise<string> {
  return (await state.rotateDataKey())
    ? "The data key is replaced: all secrets on this node's disk and in its backups are encrypted with the new one."
    : "The data key is replaced. The older one stays for a backup that could not be read: see the agent's log.";
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
