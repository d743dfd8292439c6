import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { timestamp } from "../../lib/clock.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import { ApiTokens } from "../../security/tokens/api-tokens.ts";
import { fingerprint } from "../../security/certificates/ca-material.ts";
import type { ClusterAuthority } from "../../security/certificates/cluster-authority.ts";
import type { GossipKeys } from "../../security/gossip-keys.ts";
import type { JoinTokens } from "../../security/tokens/join-tokens.ts";
import type { CaStatus, CaRotationOrder } from "../../apiserver/ports.ts";
import type { AgentDeps, State } from "../agent/state.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { CurrentGossipKey } from "../replication/current-gossip-key.ts";
import type { Removals } from "../replication/removals.ts";
import type { Replication } from "../replication/open-replication.ts";
import { AfterCompromise } from "./after-compromise.ts";
import { CaRotation } from "./ca-rotation.ts";
import { GossipRotation } from "./gossip-rotation.ts";
import type { MemberFile } from "./member-file.ts";
import { MembershipChanges } from "./membership-changes.ts";
import type { Port } from "./open-port.ts";
import { tellAway } from "./round.ts";

/** What a user may ask of the cluster; each gives a sentence or more for the user. */
export interface ClusterChanges {
  rotateGossip(): Promise<string>;
  rotateData(): Promise<string>;
  rotateCa(order: CaRotationOrder): Promise<string>;
  caStatus(): CaStatus;
  remove(nodeName: string, options?: { readonly compromised?: boolean }): Promise<string>;
  leave(): Promise<string>;
}

interface ChangesDeps extends AgentDeps {
  readonly state: State;
  readonly port: Port;
  readonly client: MembershipClient;
  readonly gossip: GossipKeys;
  readonly joinTokens: JoinTokens;
  readonly removals: Removals;
  readonly file: MemberFile;
  readonly replication: Replication;
}

export interface Changes {
  readonly ca: CaRotation;
  readonly gossip: GossipRotation;
  readonly compromise: AfterCompromise;
  readonly membership: MembershipChanges;
}

/** What members do together. Each asks the same one of other members. */
export function openChanges(
  { nodeName, dataDir, apiToken }: AgentConfig,
  { port, client, gossip: keys, state, joinTokens, removals, file, replication, clock, random, logger }: ChangesDeps,
): Changes {
  const { authority, denied, questions, listener } = port;
  const round = { client, questions, clock, nodeName, others: () => replication.others() };
  const recorder = state.recorder({ component: "podman-swarm-cluster", host: nodeName });
  const current = new CurrentGossipKey({ store: state.store, replica: state.replica });
  const gossip = new GossipRotation({ ...round, gossip: keys, authority, current, removals, random });
  const ca = new CaRotation({ ...round, authority, removals, random, logger, recorder });
  const apiTokens = new ApiTokens({ store: state.store, clock, log: logger });
  const rotateDataKey = (): Promise<boolean> => state.rotateDataKey();
  const compromise = new AfterCompromise(
    { ...round, ca, gossip, joinTokens, apiTokens, rotateDataKey },
    { tokenFile: join(dataDir, "api-token"), tokenChosen: apiToken !== undefined },
  );
  const membership = new MembershipChanges(
    { ...round, gossip, compromise, denied, listener, replication },
    { dataDir, memberFile: file.path },
  );
  return { ca, gossip, compromise, membership };
}

export function clusterChanges({
  ca,
  gossip,
  compromise,
  membership,
  authority,
  state,
}: Changes & { readonly authority: ClusterAuthority; readonly state: State }): ClusterChanges {
  return {
    rotateGossip: async () => {
      const { count, away } = await gossip.rotate();
      return `The gossip key is replaced on ${count === 1 ? "the one node" : `all ${count} nodes`}.${tellAway(away)}`;
    },
    rotateData: async () =>
      (await state.rotateDataKey())
        ? "The data key is replaced: all secrets on this node's disk and in its backups are encrypted with the new one."
        : "The data key is replaced. The older one stays for a backup that could not be read: see the agent's log.",
    rotateCa: async ({ overlapSeconds, compromised }) => {
      if (compromised) return (await compromise.replaceAll()).join("\n");
      const { away, behind } = await ca.rotate({ overlapMs: overlapSeconds * 1000 });
      const { older } = authority.material;
      const until = timestamp(older[0]?.until ?? 0);
      return [
        `The cluster's CA is replaced: ${fingerprint(authority.certificate).slice(0, 16)} signs from now on.${tellAway(away)}`,
        ...(behind === undefined ? [] : [`Not yet, but by themselves once they can: ${behind}.`]),
        `Kubeconfigs, certificates and join tokens that were made before are good until ${until}. Each node's new`,
        "kubeconfig is the file kubeconfig in its data directory.",
      ].join("\n");
    },
    caStatus: () => caStatus(authority),
    remove: (name, options) => membership.remove(name, options),
    leave: () => membership.leave(),
  };
}

function caStatus({ material }: ClusterAuthority): CaStatus {
  const { signing, staged, older, compromised = false } = material;
  const shown = (one: string, until?: number): CaStatus["signing"] => {
    const { validToDate } = new X509Certificate(one);
    return { fingerprint: fingerprint(one), until: timestamp(Math.min(validToDate.getTime(), until ?? Infinity)) };
  };
  return {
    signing: shown(signing.certificate),
    staged: staged ? shown(staged.certificate) : null,
    older: older.map((one) => shown(one.certificate, one.until)),
    compromised,
  };
}
