import { type Clock, timestamp } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import type { DurableStore } from "../../store/durable-store.ts";
import { ClusterMembers, memberKey, type MemberSpec } from "./cluster-members.ts";
import { CLUSTER_MEMBERS, DENIED_NODES, isReplicated } from "./replicated.ts";

export interface OwnMember {
  readonly nodeName: string;
  readonly clusterId: string;
  /** Its cluster port, `host:port`. */
  readonly address: string;
  /** When it was let in, as its certificate says, in milliseconds since the epoch. */
  readonly since: number;
}

export interface OwnMemberDeps {
  readonly store: DurableStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes the object about this node. Where it has joined anew, after it was removed or into another cluster, what was
 * replicated before is of another life, and is forgotten: the others have all that counts.
 */
export async function registerMember(deps: OwnMemberDeps, own: OwnMember): Promise<void> {
  const { store, clock, logger } = deps;
  const members = new ClusterMembers({ store, clock });
  const kept = members.specOf(own.nodeName);
  if (kept && (kept.clusterId !== own.clusterId || members.isGone(own.nodeName))) {
    const older = [...store.states()].filter((state) => isReplicated(state.key));
    logger.info("This node has joined anew: forgetting the tokens and removed nodes that it knew before", {
      count: older.length,
    });
    await store.forget(older);
  }
  await write(deps, own);
}

/**
 * Repairs the object about this node where what others had of it, from before it was removed and with a clock that was
 * ahead, counts as newer. `isRemoved` tells whether this node's own certificate is refused: then nothing is repaired.
 */
export async function keepRegistered(
  deps: OwnMemberDeps & { readonly isRemoved: () => boolean },
  own: OwnMember,
  signal: AbortSignal,
): Promise<void> {
  const { store, clock, logger, isRemoved } = deps;
  const members = new ClusterMembers({ store, clock });
  let wake = Promise.withResolvers<void>();
  for (const resource of [CLUSTER_MEMBERS, DENIED_NODES]) {
    const changed = (name: string): void => {
      if (name === own.nodeName) wake.resolve();
    };
    store.watch(resource, undefined, ({ entry }) => changed(entry.key.name), signal);
  }
  signal.addEventListener("abort", () => wake.resolve(), { once: true });
  // What it was told when it joined may say so already.
  wake.resolve();
  while (!signal.aborted) {
    await wake.promise;
    wake = Promise.withResolvers();
    const known = members.specOf(own.nodeName);
    const same = known?.clusterId === own.clusterId && known.address === own.address;
    if (signal.aborted || isRemoved() || (same && !members.isGone(own.nodeName))) continue;
    try {
      await write(deps, own, members.deniedUntil(own.nodeName));
    } catch (error) {
      logger.error("Cannot write down that this node is a member", { error: describeError(error) });
    }
  }
}

async function write({ store, clock }: OwnMemberDeps, own: OwnMember, after = 0): Promise<void> {
  const { nodeName, clusterId, address, since } = own;
  const key = memberKey(nodeName);
  const now = clock.now();
  const current = new ClusterMembers({ store, clock }).specOf(nodeName);
  const joined = current !== undefined && current.joined > after ? current.joined : Math.max(now, since, after + 1);
  const spec: MemberSpec = { clusterId, address, joined };
  const metadata = { name: nodeName, creationTimestamp: timestamp(now) };
  const object = { apiVersion: "podman-swarm.internal/v1", kind: "ClusterMember", metadata, spec };
  if (current) await store.update(key, object, { register: "main" });
  else await store.create(key, object);
}
