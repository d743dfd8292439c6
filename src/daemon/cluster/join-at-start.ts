import { createPrivateKey, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { keyPem, newKey } from "../../security/certificates/certificate.ts";
import { caDigest } from "../../security/certificates/ca-material.ts";
import { ClusterAuthority, saveJoinedAuthority } from "../../security/certificates/cluster-authority.ts";
import { joinCluster, type Membership } from "../../security/cluster-port/join-cluster.ts";
import { RefusedError, type RefusalReason } from "../../security/cluster-port/refusal.ts";
import { GossipKeys } from "../../security/gossip-keys.ts";
import { parseJoinToken } from "../../security/tokens/join-token.ts";
import {
  ensurePrivateDirectory,
  parsePrivateJson,
  readPrivateFile,
  writePrivateFile,
} from "../../security/at-rest/private-file.ts";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { deadline } from "../../lib/deadline.ts";
import { type AgentConfig, ConfigError, type HostPort } from "../config/agent-config.ts";
import { MemberFile } from "./member-file.ts";
import { forgetRemoval, noteRemoval, wasRemoved } from "./own-removal.ts";
import { removalToldBy } from "./removal-at-join.ts";

/** Another member, or a little later, may answer otherwise; all other refusals are final. */
const WORTH_AGAIN: ReadonlySet<RefusalReason> = new Set([
  "TooManyAttempts",
  "TokenOfOtherNode",
  "HandshakeFailed",
  "BadRequest",
]);
const NODE_KEY = "node.key";
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
  /** The token's id. */
  readonly token: string;
}

/** Where trust is kept in a data directory. */
export function trustDirectory(dataDir: string): string {
  return join(dataDir, "pki");
}

export function gossipKeysFile(dataDir: string): string {
  return join(trustDirectory(dataDir), "gossip.json");
}

/** Which nodes were removed, as a new member is told when it joins; the store has it from the next start on. */
export function removalsFile(dataDir: string): string {
  return join(trustDirectory(dataDir), "removals.json");
}

/**
 * At the first start with --join: gets this node's trust from a member, before any of its own is made. Waits until a
 * member can be reached; rejects with a ConfigError when one has refused for good. A node that is of the cluster
 * already does nothing.
 */
export async function joinAtStart(config: AgentConfig, deps: JoinDeps): Promise<void> {
  if (config.join.length === 0) return;
  const standing = await standingOf(config, deps);
  if (standing.is === "member") return;
  const membership = await joinAny(config, { ...deps, standing });
  await keep(config, membership, standing);
  deps.log.info("Joined the cluster", { cluster: membership.authority.clusterId, members: membership.members });
}

/**
 * The same with one try for each address: rejects with a ConfigError that says why none of them let this node in, and
 * leaves nothing on disk then. Gives false where the node is of the cluster already.
 */
export async function joinOnce(config: AgentConfig, deps: Omit<JoinDeps, "log">): Promise<boolean> {
  const standing = await standingOf(config, deps);
  if (standing.is === "member") return false;
  const directory = trustDirectory(config.dataDir);
  const file = join(directory, standing.keyFile);
  const before = existsSync(file);
  const reasons: string[] = [];
  const key = await ownKey(file);
  let asked = false;
  try {
    for (const address of config.join) {
      try {
        await keep(config, await attempt(config, { ...deps, standing, key, address }), standing);
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
    if (!before && !asked) await forget(directory, file);
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
async function forget(directory: string, keyFile: string): Promise<void> {
  await rm(keyFile, { force: true });
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "ENOENT") throw error;
  });
}

/** Who has to join. */
type Outsider =
  | { readonly is: "new"; readonly keyFile: string }
  /** It was removed, or the token is of a CA that it does not know: its cluster's new one, or another cluster's. */
  | { readonly is: "member of before"; readonly clusterId: string; readonly keyFile: string };

/** What this node is to the cluster of the token. With a token that it did not join with it asks whether it was removed. */
async function standingOf(
  config: AgentConfig,
  deps: Pick<JoinDeps, "clock" | "signal">,
): Promise<Outsider | { readonly is: "member" }> {
  const { joinToken, dataDir, join: addresses } = config;
  const known = await knownStanding(config, deps);
  const directory = trustDirectory(dataDir);
  if (known.is !== "member" || joinToken === undefined) return known;
  if ((await readJoined(directory))?.token === parseJoinToken(joinToken).id) return known;
  const told = await removalToldBy(addresses, directory, deps);
  if (told === undefined) return known;
  await noteRemoval(dataDir, told);
  return await knownStanding(config, deps);
}

async function readJoined(directory: string): Promise<JoinedFile | undefined> {
  const text = await readPrivateFile(join(directory, "joined.json"));
  return text === undefined ? undefined : (parsePrivateJson(text) as JoinedFile);
}

/** What it is as far as it knows. */
async function knownStanding(
  { joinToken, dataDir }: AgentConfig,
  { clock }: Pick<JoinDeps, "clock">,
): Promise<Outsider | { readonly is: "member" }> {
  const directory = trustDirectory(dataDir);
  const known = existsSync(join(directory, "ca.crt"));
  if (joinToken === undefined && known) return { is: "member" };
  if (joinToken === undefined) {
    throw new ConfigError(
      "Cannot join without a token: print one on a member with psctl token create, and give it with --join-token-file",
    );
  }
  if (!known) return { is: "new", keyFile: NODE_KEY };
  const digest = parseJoinToken(joinToken).caDigest;
  const joined = await readJoined(directory);
  const removed = await wasRemoved(dataDir);
  if (joined?.caDigest === digest && !removed) return { is: "member" };
  const { trusted, clusterId } = await ClusterAuthority.open({ directory, clock }).catch((cause: unknown) => {
    if (!(cause instanceof DamagedFile)) throw cause;
    const unless = `unless that has a new CA since: ${cause.message}`;
    throw new ConfigError(`Cannot join: ${ofAnother(dataDir)}; ${unless}`, { cause });
  });
  if (trusted.some((ca) => caDigest(ca) === digest) && !removed) return { is: "member" };
  // The key of before may be in the hands of whoever is the reason for that.
  return { is: "member of before", clusterId, keyFile: "rejoin.key" };
}

async function keep(
  config: AgentConfig,
  { authority, gossipKeys, certificate, members, removals }: Membership,
  { keyFile }: { readonly keyFile: string },
): Promise<void> {
  const directory = trustDirectory(config.dataDir);
  const key = await readPrivateFile(join(directory, keyFile));
  if (keyFile !== NODE_KEY && key !== undefined) {
    // Not renamed: a sealed file can be read under its own name only.
    await writePrivateFile(join(directory, NODE_KEY), key);
    await rm(join(directory, keyFile));
  }
  // Before the keys, which are not to be given to any of these.
  await writePrivateFile(removalsFile(config.dataDir), JSON.stringify(removals));
  await writePrivateFile(join(directory, "node.crt"), certificate);
  await (await GossipKeys.open(gossipKeysFile(config.dataDir), gossipKeys)).replace(gossipKeys);
  await new MemberFile(config.dataDir).write(members);
  await saveJoinedAuthority(directory, authority);
  // Last: with it the node is of the cluster, and does not join again.
  const { caDigest: digest, id: token } = parseJoinToken(config.joinToken ?? "");
  const joined: JoinedFile = { caDigest: digest, token };
  await writePrivateFile(join(directory, "joined.json"), `${JSON.stringify(joined)}\n`);
  await forgetRemoval(config.dataDir);
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

async function joinAny(
  config: AgentConfig,
  { clock, log, signal, standing }: JoinDeps & Pick<Attempt, "standing">,
): Promise<Membership> {
  const key = await ownKey(join(trustDirectory(config.dataDir), standing.keyFile));
  for (let wait = 500; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
    for (const address of config.join) {
      try {
        return await attempt(config, { clock, signal, standing, key, address });
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
  readonly standing: Outsider;
  readonly key: KeyObject;
  readonly address: HostPort;
}

async function attempt(
  { nodeName, advertiseAddr, joinToken, dataDir }: AgentConfig,
  { clock, signal, standing, key, address: { host, port } }: Attempt,
): Promise<Membership> {
  using limit = deadline(ATTEMPT_MS, signal, clock);
  const clusterId = standing.is === "new" ? undefined : standing.clusterId;
  const token = parseJoinToken(joinToken ?? "");
  const order = { host, port, token, nodeName, key, addresses: [advertiseAddr], clusterId };
  try {
    return await joinCluster({ clock }, order, limit.signal);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.reason !== "OtherCluster") throw error;
    throw new RefusedError("OtherCluster", `Cannot join through ${host}:${port}: ${ofAnother(dataDir)}`, {
      cause: error,
    });
  }
}

function ofAnother(dataDir: string): string {
  return `the node of ${dataDir} is of another cluster already; start with an empty --data-dir to join with nothing of it`;
}
