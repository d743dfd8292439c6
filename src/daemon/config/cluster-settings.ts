import { isIP } from "node:net";
import { formatJoinToken, parseJoinToken } from "../../security/tokens/join-token.ts";
import { type AgentConfig, ConfigError, type HostPort } from "./agent-config.ts";
import type { FlagName } from "./flags.ts";
import { hostPort, list } from "./setting-texts.ts";

type Take = <T>(name: FlagName, fallback: () => T, parse: (text: string) => T) => T;

const DEFAULT_CLUSTER_PORT = 7946;
const GOSSIP_KEY_BYTES = 32;

type ClusterSettings = Pick<AgentConfig, "bindAddr" | "join" | "joinToken" | "encryptionKey">;

/** What the flags say about the cluster that this node is of. */
export function clusterSettings(take: Take): ClusterSettings {
  const join = take("join", () => [], list(memberAddress));
  const joinToken = take("join-token", () => undefined, joinTokenText);
  const encryptionKey = take("encryption-key", () => undefined, gossipKey);
  if (joinToken !== undefined && join.length === 0) {
    throw new ConfigError(
      "Cannot use --join-token without --join: name the address of a member, such as --join=10.0.0.1:7946",
    );
  }
  return {
    bindAddr: take("bind-addr", () => ({ host: "0.0.0.0", port: DEFAULT_CLUSTER_PORT }), hostPort),
    join,
    ...(joinToken === undefined ? {} : { joinToken }),
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
  };
}

/** A name is looked up when it is used: it may lead elsewhere then. */
function memberAddress(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? (isIP(text) === 6 ? text : undefined);
  const port = Number(match?.[3] ?? DEFAULT_CLUSTER_PORT);
  if (host === undefined || port < 1 || port > 65535) {
    throw new Error("expected the addresses of members, such as 10.0.0.1:7946,10.0.0.2:7946");
  }
  return { host, port };
}

function joinTokenText(text: string): string {
  return formatJoinToken(parseJoinToken(text));
}

function gossipKey(text: string): string {
  const key = Buffer.from(text, "base64");
  if (key.length !== GOSSIP_KEY_BYTES || key.toString("base64") !== text) {
    throw new Error(`expected ${GOSSIP_KEY_BYTES} bytes in base64, such as openssl rand -base64 32 prints`);
  }
  return text;
}
