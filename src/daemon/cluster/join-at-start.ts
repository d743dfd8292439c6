import { createPrivateKey, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
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
import { type AgentConfig, ConfigError, type HostPort } from "../config/agent-config.ts";
import { MemberFile } from "./member-file.ts";

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
export async function joinAtStart(config: AgentConfig, deps: JoinDeps): Promise<void> {
  if (config.join.length === 0) return;
  if (await isOfTheCluster(config)) return;
  const membership = await joinAny(config, deps);
  await keep(config, membership);
  deps.log.info("Joined the cluster", { cluster: membership.authority.clusterId, members: membership.members });
}

/**
 * The same with one try for each address: rejects with a ConfigError that says why none of them let this node in, and
 * leaves nothing on disk then. Gives false where the node is of the cluster already.
 */
export async function joinOnce(config: AgentConfig, deps: Omit<JoinDeps, "log">): Promise<boolean> {
  if (await isOfTheCluster(config)) return false;
  const directory = trustDirectory(config.dataDir);
  const file = join(directory, "node.key");
  const before = existsSync(file);
  const reasons: string[] = [];
  const key = await ownKey(file);
  let asked = false;
  try {
    for (const address of config.join) {
      try {
        await keep(config, await attempt(config, { ...deps, key, address }));
        return true;
      } catch (error) {
        deps.signal.throwIfAborted();
        reasons.push(explained(error, address));
        // One that broke off may have counted a use of the token: with the same key the next try is not another one.
        asked ||= !(error instanceof RefusedError) && !neverReached(error);
      }
    }
    throw new ConfigError(reasons.join("\n"));
  } catch (error) {
    if (!before && !asked) await forget(directory);
    throw error;
  }
}

/** What the system says where there was no connection at all. */
const UNREACHED: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there; is it a member's cluster port, and does its agent run?",
  EHOSTUNREACH: "there is no way to that host; check the address and the network",
  ENETUNREACH: "there is no way to that network; check the address and the routes",
  ENOTFOUND: "the name is not known; give an address",
  EAI_AGAIN: "the name cannot be looked up; give an address",
  ETIMEDOUT: "it does not answer; check the address, and that firewalls let TCP and UDP through to the cluster port",
};

function unreached(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const late = at.message.startsWith("not done after") ? "ETIMEDOUT" : "";
    const found = UNREACHED[(at as NodeJS.ErrnoException).code ?? late];
    if (found !== undefined) return found;
  }
  return undefined;
}

function neverReached(error: unknown): boolean {
  return unreached(error) !== undefined;
}

function explained(error: unknown, { host, port }: HostPort): string {
  const why = error instanceof RefusedError ? undefined : unreached(error);
  return why === undefined ? describeError(error) : `Cannot join through ${host}:${port}: ${why}`;
}

/** Removes a first attempt's key, and the directory where nothing else is in it. */
async function forget(directory: string): Promise<void> {
  await rm(join(directory, "node.key"), { force: true });
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "ENOENT") throw error;
  });
}

async function isOfTheCluster(config: AgentConfig): Promise<boolean> {
  const directory = trustDirectory(config.dataDir);
  if (existsSync(join(directory, "ca.crt"))) {
    await checkSameCluster(config, directory);
    return true;
  }
  if (config.joinToken !== undefined) return false;
  throw new ConfigError(
    "Cannot join without a token: print one on a member with psctl token create, and give it with --join-token-file",
  );
}

async function keep(config: AgentConfig, { authority, gossipKeys, certificate, members }: Membership): Promise<void> {
  const directory = trustDirectory(config.dataDir);
  await writePrivateFile(join(directory, "node.crt"), certificate);
  await GossipKeys.open(gossipKeysFile(config.dataDir), gossipKeys);
  const { caDigest } = parseJoinToken(config.joinToken ?? "");
  await writePrivateFile(join(directory, "joined.json"), `${JSON.stringify({ caDigest } satisfies JoinedFile)}\n`);
  await new MemberFile(config.dataDir).write(members);
  // Last: with it the node is of the cluster, and does not join again.
  await saveJoinedAuthority(directory, authority);
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
  await ensurePrivateDirectory(dirname(file));
  const key = newKey();
  await writePrivateFile(file, keyPem(key));
  return key;
}

async function joinAny(config: AgentConfig, { clock, log, signal }: JoinDeps): Promise<Membership> {
  const key = await ownKey(join(trustDirectory(config.dataDir), "node.key"));
  for (let wait = 500; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
    for (const address of config.join) {
      try {
        return await attempt(config, { clock, signal, key, address });
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

interface Attempt extends Omit<JoinDeps, "log"> {
  readonly key: KeyObject;
  readonly address: HostPort;
}

async function attempt(
  { nodeName, advertiseAddr, joinToken }: AgentConfig,
  { clock, signal, key, address: { host, port } }: Attempt,
): Promise<Membership> {
  using limit = deadline(ATTEMPT_MS, signal, clock);
  const order = { host, port, token: parseJoinToken(joinToken ?? ""), nodeName, key, addresses: [advertiseAddr] };
  return await joinCluster({ clock }, order, limit.signal);
}
