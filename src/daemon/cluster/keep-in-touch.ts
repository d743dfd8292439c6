import { describeError } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import type { AgentDeps } from "../agent/state.ts";
import type { ClusterMetrics } from "./cluster-metrics.ts";
import type { CaRotation } from "./ca-rotation.ts";
import type { GossipRotation } from "./gossip-rotation.ts";
import { formatAddress, parseAddress } from "./member-address.ts";
import type { MemberFile } from "./member-file.ts";
import type { OwnRemoval } from "./own-removal.ts";

/** While a node that knows of others sees none of them, it asks again this often. */
const REJOIN_MS = 5_000;
/** One that was removed comes back by a new token only; each of its attempts is a refusal that others count. */
const REMOVED_MS = 60_000;
/** For one member's answer to what it has now. */
const FETCH_MS = 4_000;
const LOOK_AFTER_MS = 5_000;

export interface KeepInTouchDeps extends Pick<AgentDeps, "clock" | "logger"> {
  readonly client: Pick<MembershipClient, "members" | "subscribe" | "join" | "metrics">;
  readonly gossip: Pick<GossipRotation, "fetch" | "isCurrent" | "tidy">;
  readonly ca: Pick<CaRotation, "fetch">;
  readonly file: Pick<MemberFile, "read" | "write">;
  readonly metrics: Pick<ClusterMetrics, "membership">;
  readonly removal: Pick<OwnRemoval, "told" | "known">;
  /** Of --join, `host:port` each. */
  readonly asked: readonly string[];
  /** The cluster ports of all others that are of the cluster, living or not. */
  readonly addresses: () => readonly string[];
  readonly nodeName: string;
}

/** Finds the others again after a start or a parting, remembers where they are, and counts. */
export async function keepInTouch(deps: KeepInTouchDeps, signal: AbortSignal): Promise<void> {
  const { client, file, metrics, removal, asked, nodeName, clock, logger } = deps;
  const others = (): MemberView[] =>
    client.members().filter((member) => member.name !== nodeName && member.state === "alive");
  const remembered = new Set([...asked, ...(await file.read())]);
  const known = (): string[] => [...new Set([...remembered, ...deps.addresses()])];
  let wake = new AbortController();
  /** Why the others were not found the last time. */
  let said: string | undefined;
  client.subscribe(({ kind }) => {
    if ((kind === "suspected" || kind === "failed") && others().length === 0) wake.abort();
  }, signal);
  while (!signal.aborted) {
    wake = new AbortController();
    try {
      if (others().length === 0 && known().length > 0) await findAgain(known(), deps, signal);
      else if (!deps.gossip.isCurrent) await catchUp(known(), deps);
      else await deps.gossip.tidy();
      // Who is alone now may have been parted from the others: their addresses stay.
      if (others().length > 0) {
        for (const address of others().map(formatAddress)) remembered.add(address);
        await file.write(others().map(formatAddress));
      }
      said = undefined;
    } catch (error) {
      if (signal.aborted) return;
      const why = describeError(error);
      if (why !== said) logger.warn("Cannot find the other members; trying again", { error: why });
      said = why;
    }
    try {
      metrics.membership(await client.metrics());
    } catch (error) {
      if (signal.aborted) return;
      logger.warn("Cannot count what membership does; trying again", { error: describeError(error) });
    }
    const alone = others().length === 0 && known().length > 0;
    // Who becomes alone does not wait for the next look; who is alone already waits its time.
    const sooner = alone ? signal : AbortSignal.any([signal, wake.signal]);
    const again = removal.known ? REMOVED_MS : REJOIN_MS;
    await pause(clock, alone ? again : LOOK_AFTER_MS, sooner);
  }
}

type FindDeps = Pick<KeepInTouchDeps, "client" | "gossip" | "ca" | "removal" | "logger">;

/**
 * Also after a time away, in which the others may have replaced their CA and their gossip key. Both ways at once: where
 * the keys are others, joining fails only after a long wait.
 */
async function findAgain(
  addresses: readonly string[],
  { client, logger, ...others }: FindDeps,
  signal: AbortSignal,
): Promise<void> {
  let joined = false;
  const joining = client.join(addresses).then(() => {
    joined = true;
  });
  joining.catch(() => {}); // read below, where anyone could be asked at all
  const { changed, refusals } = await fetchKeys(addresses, others);
  if (refusals.length === addresses.length) {
    const error = refusals.join("; ");
    if (!joined || signal.aborted) throw new Error(error);
    logger.warn("Found the other members, and none of them tells whether it has newer keys", { error });
  }
  await (changed ? client.join(addresses) : joining);
}

/** Those around this node gossip with an older key, as it does: a removed node may be among them. */
async function catchUp(addresses: readonly string[], { client, ...others }: FindDeps): Promise<void> {
  const { changed, refusals } = await fetchKeys(addresses, others);
  if (!changed) throw new Error(`the gossip key was replaced, and nobody gives the new one: ${refusals.join("; ")}`);
  await client.join(addresses);
}

async function fetchKeys(
  addresses: readonly string[],
  { gossip, ca, removal }: Omit<FindDeps, "client" | "logger">,
): Promise<{ readonly changed: boolean; readonly refusals: readonly string[] }> {
  const fetched = await Promise.allSettled(
    addresses.map(parseAddress).map(async (address) => {
      await ca.fetch(address, { timeoutMs: FETCH_MS });
      return await gossip.fetch(address, { timeoutMs: FETCH_MS });
    }),
  );
  for (const one of fetched) {
    const refusal: unknown = one.status === "rejected" ? one.reason : undefined;
    if (refusal instanceof RefusedError && refusal.byOther && refusal.reason === "NodeDenied") {
      await removal.told(refusal.message);
    }
  }
  return {
    changed: fetched.some((one) => one.status === "fulfilled" && one.value),
    refusals: fetched.flatMap((one) => (one.status === "rejected" ? [describeError(one.reason)] : [])),
  };
}
