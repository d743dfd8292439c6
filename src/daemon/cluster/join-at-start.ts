import { createPrivateKey, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { keyPem, newKey } from "../../security/certificate.ts";
import { saveJoinedAuthority } from "../../security/cluster-authority.ts";
import { joinCluster, type Membership } from "../../security/cluster-port/join-cluster.ts";
import { RefusedError, type RefusalReason } from "../../security/cluster-port/refusal.ts";
import { GossipKeys } from "../../security/gossip-keys.ts";
import { parseJoinToken } from "../../security/join-token.ts";
import {
  ensurePrivateDirectory,
  parsePrivateJson,
  readPrivateFile,
  writePrivateFile,
} from "../../security/private-file.ts";
import { deadline } from "../../lib/deadline.ts";
import { type AgentConfig, ConfigError } from "../config/agent-config.ts";

/** Another member, or a little later, may answer otherwise; all other refusals are final. */
const WORTH_AGAIN: ReadonlySet<RefusalReason> = new Set([
  "TooManyAttempts",
  "TokenOfOtherNode",
  "HandshakeFailed",
  "BadRequest",
]);
const ATTEMPT_MS = 10_000;
const LONGEST_WAIT_MS = 15_000;

interface JoinDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** How this node came to its CA. */
interface JoinedFile {
  /** The digest in the token with which it joined. */
  readonly caDigest: string;
}

/** Where trust is kept in a data directory. */
export function trustDirectory(dataDir: string): string {
  return join(dataDir, "pki");
}

export function gossipKeysFile(dataDir: string): string {
  return join(trustDirectory(dataDir), "gossip.json");
}

/**
 * At the first start with --join: gets this node's trust from a member, before any of its own is made. Waits until a
 * member can be reached; rejects with a ConfigError when one has refused for good. A node that is of the cluster
 * already does nothing.
 */
export async function joinAtStart(config: AgentConfig, { clock, log, signal }: JoinDeps): Promise<void> {
  const directory = trustDirectory(config.dataDir);
  if (config.join.length === 0) return;
  if (existsSync(join(directory, "ca.crt"))) return await checkSameCluster(config, directory);
  if (config.joinToken === undefined) {
    throw new ConfigError(
      "Cannot join without a token: print one on a member with psctl token create, and give it with --join-token-file",
    );
  }
  const membership = await joinAny(config, { clock, log, signal });
  await GossipKeys.open(gossipKeysFile(config.dataDir), membership.gossipKeys);
  const { caDigest } = parseJoinToken(config.joinToken);
  await writePrivateFile(join(directory, "joined.json"), `${JSON.stringify({ caDigest } satisfies JoinedFile)}\n`);
  // Last: with it the node is of the cluster, and does not join again.
  await saveJoinedAuthority(directory, membership.authority);
  log.info("Joined the cluster", { cluster: membership.authority.clusterId, members: membership.members });
}

async function checkSameCluster({ joinToken, dataDir }: AgentConfig, directory: string): Promise<void> {
  if (joinToken === undefined) return;
  const text = await readPrivateFile(join(directory, "joined.json"));
  const joined = text === undefined ? undefined : (parsePrivateJson(text) as JoinedFile);
  if (joined?.caDigest === parseJoinToken(joinToken).caDigest) return;
  throw new ConfigError(
    `Cannot join: the node of ${dataDir} is of another cluster already${joined ? "" : ", its own"}; start with an empty ` +
      "--data-dir to join with nothing of it",
  );
}

/** The same one when joining broke off before: its use of the token is counted once. */
async function ownKey(file: string): Promise<KeyObject> {
  const kept = await readPrivateFile(file);
  if (kept !== undefined) return createPrivateKey(kept);
  const key = newKey();
  await writePrivateFile(file, keyPem(key));
  return key;
}

async function joinAny(config: AgentConfig, { clock, log, signal }: JoinDeps): Promise<Membership> {
  const { nodeName, advertiseAddr } = config;
  const token = parseJoinToken(config.joinToken ?? "");
  const directory = trustDirectory(config.dataDir);
  await ensurePrivateDirectory(directory);
  const key = await ownKey(join(directory, "node.key"));
  for (let wait = 500; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
    for (const { host, port } of config.join) {
      using limit = deadline(ATTEMPT_MS, signal, clock);
      try {
        const order = { host, port, token, nodeName, key, addresses: [advertiseAddr] };
        const membership = await joinCluster({ clock }, order, limit.signal);
        await writePrivateFile(join(directory, "node.crt"), membership.certificate);
        return membership;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RefusedError && !WORTH_AGAIN.has(error.reason))
          throw new ConfigError(error.message, { cause: error });
        log.warn("Cannot join yet; trying again", { error: describeError(error), afterMs: wait });
      }
    }
    await clock.sleep(wait, signal);
  }
}
