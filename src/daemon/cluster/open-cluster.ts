import { X509Certificate } from "node:crypto";
import { describeError } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { Part } from "../../lib/run-together.ts";
import { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { GossipKeys } from "../../security/gossip-keys.ts";
import { JoinTokens } from "../../security/tokens/join-tokens.ts";
import { type NodeCertificate, readNodeCertificate } from "../../security/certificates/node-certificate.ts";
import type { AgentDeps, State } from "../agent/state.ts";
import type { Trust } from "../agent/trust.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";
import { openReplication } from "../replication/open-replication.ts";
import { Removals } from "../replication/removals.ts";
import { clusterMetrics } from "./cluster-metrics.ts";
import { gossipEvents } from "./gossip-events.ts";
import { type ClusterChanges, clusterChanges, openChanges } from "./cluster-changes.ts";
import { gossipKeysFile, removalsFile } from "./join-at-start.ts";
import { keepInTouch } from "./keep-in-touch.ts";
import { type ListedMember, listedMembers } from "./listed-members.ts";
import { formatAddress } from "./member-address.ts";
import { MemberFile } from "./member-file.ts";
import { OwnRemoval } from "./own-removal.ts";
import { openPort, type Port, servePort } from "./open-port.ts";
import { answerRedemptions, redeemElsewhere } from "./redeem-elsewhere.ts";

const HOUR_MS = 3_600_000;

export interface Cluster extends ClusterChanges {
  readonly joinTokens: JoinTokens;
  /** The cluster that this node is of, and how to join it. */
  readonly about: { readonly clusterId: string; readonly address: string };
  members(): ListedMember[];
  isRemoved(): boolean;
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
  const removals = new Removals({ store: state.store, replica: state.replica });
  const stop = new AbortController();
  const seen: { client?: MembershipClient; port?: Port } = {};
  const members = (): MemberView[] => seen.client?.members() ?? [];
  const joinTokens = new JoinTokens({
    store: state.store,
    clock,
    nodeName,
    caDigest: () => authority.digest,
    redeemAt: async (...order) => {
      if (!seen.port) throw new Error("this node is starting");
      return await redeemElsewhere({ questions: seen.port.questions, members })(...order);
    },
  });
  const metrics = clusterMetrics(state.metrics, () => members().filter((one) => one.state === "alive").length);
  const port = await openPort(config, { ...own, gossip, joinTokens, removals, metrics, members, signal: stop.signal });
  const client = await openMembership(config, { ...own, gossip, port, signal: stop.signal });
  Object.assign(seen, { client, port });
  answerRedemptions(port.questions, joinTokens);
  const about = {
    clusterId: authority.clusterId,
    address: formatAddress({ host: advertiseAddr, port: bindAddr.port }),
  };
  const dropDenied = (): void => port.listener.dropDenied();
  const linked = { ...own, client, questions: port.questions, dropDenied, isRemoved: () => isOwnDenied(port) };
  const since = ownCertificate(port)?.memberSince ?? 0;
  const replication = await openReplication({ nodeName, ...about, since }, linked);
  // By now what this node knew in an earlier life is forgotten, and nobody can ask it for anything yet.
  await removals.takeFile(removalsFile(dataDir));
  const file = new MemberFile(dataDir);
  const changes = openChanges(config, { ...own, port, client, gossip, joinTokens, removals, file, replication });
  const addresses = (): readonly string[] => replication.others().map(({ address }) => address);
  const removal = await OwnRemoval.open(own, config);
  const touch = { ...own, ...changes, client, file, metrics, removal, addresses, nodeName };
  return {
    joinTokens,
    about,
    members: () => listedMembers(members(), replication.others()),
    isRemoved: () => removal.known,
    ...clusterChanges({ ...changes, authority, state }),
    parts: [
      { name: "node certificate", run: (signal) => port.identity.run(signal) },
      { name: "cluster listener", run: (signal) => port.listener.run(signal) },
      { name: "membership", run: (signal) => client.run(signal).finally(() => stop.abort()) },
      { name: "CA of the cluster", run: (signal) => changes.ca.run(signal) },
      { name: "membership changes", run: (signal) => changes.membership.run(signal) },
      { name: "cluster port", run: (signal) => servePort(sockets, (socket) => client.accept(socket), signal) },
      { name: "members", run: (signal) => keepInTouch({ ...touch, asked: config.join.map(formatAddress) }, signal) },
      replication.part,
      { name: "join token clean-up", run: (signal) => cleanUp(joinTokens, own, signal) },
    ],
  };
}

/** Whether the others refuse this node's certificate, as far as it knows. */
function isOwnDenied(port: Port): boolean {
  const name = ownCertificate(port);
  return name !== undefined && port.denied.isDenied(name);
}

function ownCertificate({ identity }: Port): NodeCertificate | undefined {
  return readNodeCertificate(new X509Certificate(identity.current.certificate));
}

interface MembershipDeps extends AgentDeps {
  readonly state: State;
  readonly trust: Trust;
  readonly gossip: GossipKeys;
  readonly port: Port;
  readonly signal: AbortSignal;
}

async function openMembership(
  config: AgentConfig,
  { logger, state, trust, gossip, port, signal }: MembershipDeps,
): Promise<MembershipClient> {
  const { nodeName, advertiseAddr, bindAddr, logLevel } = config;
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
  client.subscribe(gossipEvents(config, state), signal);
  return client;
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
    await pause(clock, HOUR_MS, signal);
  }
}
