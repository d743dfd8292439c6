import { type Clock, timestamp } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import type { DurableStore } from "../../store/durable-store.ts";
import type { Key, Store } from "../../store/port.ts";
import { CLUSTER_MEMBERS, isReplicated } from "./replicated.ts";

interface MemberSpec {
  readonly clusterId: string;
  /** Its cluster port, `host:port`. */
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly joined: number;
}

export interface KnownMember {
  readonly name: string;
  readonly address: string;
}

/**
 * Who is of the cluster: each member writes an object about itself, which all have. One that was removed or has left is
 * not known any more until it joins again.
 */
export class ClusterMembers {
  readonly #store: Store;
  readonly #denied: DeniedNodes;

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store;
    this.#denied = new DeniedNodes({ store, clock });
  }

  known(): KnownMember[] {
    return this.#store
      .list(CLUSTER_MEMBERS)
      .entries.filter(({ key }) => !this.isGone(key.name))
      .map(({ key, object }) => ({ name: key.name, address: (object["spec"] as MemberSpec).address }));
  }

  /** Whether it was a member, and has been removed since or has left. */
  isGone(name: string): boolean {
    const object = this.#store.get(keyOf(name))?.object;
    const spec = object && (object["spec"] as MemberSpec);
    return spec !== undefined && this.#denied.isDenied({ nodeName: name, issuedAt: spec.joined });
  }

  /** Who may have something replicated: all known members, and this node in any case. */
  holders(key: Key, own: string): readonly string[] {
    if (!isReplicated(key)) return [own];
    return [...new Set([own, ...this.known().map(({ name }) => name)])];
  }
}

export interface OwnMember {
  readonly nodeName: string;
  readonly clusterId: string;
  readonly address: string;
}

/**
 * Writes the object about this node. Where it has joined anew, after it was removed or into another cluster, what was
 * replicated before is of another life, and is forgotten: the others have all that counts.
 */
export async function registerMember(
  { store, clock, logger }: { readonly store: DurableStore; readonly clock: Clock; readonly logger: Logger },
  { nodeName, clusterId, address }: OwnMember,
): Promise<void> {
  const key = keyOf(nodeName);
  const kept = store.get(key)?.object["spec"] as MemberSpec | undefined;
  const members = new ClusterMembers({ store, clock });
  if (kept && (kept.clusterId !== clusterId || members.isGone(nodeName))) {
    const older = [...store.states()].filter((state) => isReplicated(state.key));
    logger.info("This node has joined anew: forgetting the tokens and removed nodes that it knew before", {
      count: older.length,
    });
    await store.forget(older);
  }
  const now = clock.now();
  const current = store.get(key)?.object["spec"] as MemberSpec | undefined;
  const spec: MemberSpec = { clusterId, address, joined: current?.joined ?? now };
  const metadata = { name: nodeName, creationTimestamp: timestamp(now) };
  const object = { apiVersion: "podman-swarm.internal/v1", kind: "ClusterMember", metadata, spec };
  if (current) await store.update(key, object, { register: "main" });
  else await store.create(key, object);
}

function keyOf(name: string): Key {
  return { resource: CLUSTER_MEMBERS, namespace: "", name };
}
