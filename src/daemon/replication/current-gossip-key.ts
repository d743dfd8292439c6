import { hash } from "node:crypto";
import { timestamp } from "../../lib/clock.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { keyId } from "../../store/object-state.ts";
import type { Store } from "../../store/port.ts";
import { readStates } from "../../store/replication/read-states.ts";
import type { ReplicatedStore } from "../../store/replication/replica-exchange.ts";
import { CURRENT_GOSSIP_KEY } from "./replicated.ts";

/** What one member tells another. */
type Message = Readonly<Record<string, unknown>>;

/** Which key of the gossip is the cluster's: a name of it, and when it came into use (milliseconds since the epoch). */
export interface GossipKeySpec {
  readonly digest: string;
  readonly since: number;
}

export interface CurrentGossipKeyDeps {
  readonly store: Store;
  readonly replica: Pick<ReplicatedStore, "state" | "apply">;
}

const NOT_YET: GossipKeySpec = { digest: "", since: 0 };

/**
 * All members have this over TLS, also those that gossip with an older key and therefore hear nothing of it there: a
 * removed node that has that key, too, does not keep them apart from the others.
 */
export class CurrentGossipKey {
  readonly #store: Store;
  readonly #replica: Pick<ReplicatedStore, "state" | "apply">;

  constructor({ store, replica }: CurrentGossipKeyDeps) {
    this.#store = store;
    this.#replica = replica;
  }

  /** Undefined until one was replaced. */
  get(): GossipKeySpec | undefined {
    const spec = this.#store.get(CURRENT_GOSSIP_KEY)?.object["spec"] as GossipKeySpec | undefined;
    return spec === undefined || spec.since === NOT_YET.since ? undefined : spec;
  }

  /** Whether a key is the cluster's, as far as this node knows. */
  is(key: Uint8Array | undefined): boolean {
    const current = this.get();
    return current === undefined || (key !== undefined && current.digest === digestOf(key));
  }

  /** From now on, for all members. */
  async set(key: Uint8Array, since: number): Promise<void> {
    // One and the same object wherever it is made first, so that the later word counts and not the later object.
    const known = this.#store.get(CURRENT_GOSSIP_KEY);
    if (!known) await this.#store.create(CURRENT_GOSSIP_KEY, gossipKey(NOT_YET), { cause: [] });
    await this.#store.update(CURRENT_GOSSIP_KEY, gossipKey({ digest: digestOf(key), since }), { register: "main" });
  }

  /** A message that tells a member which key it is, before that one could name another. */
  with<M extends Message>(message: M): M & { readonly current: readonly unknown[] } {
    const state = this.#replica.state(CURRENT_GOSSIP_KEY);
    return { ...message, current: state === undefined ? [] : [state] };
  }

  /** Where a message tells it. */
  async take({ current }: Message): Promise<void> {
    const { states } = readStates(current, (key) => keyId(key) === keyId(CURRENT_GOSSIP_KEY));
    if (states.length > 0) await this.#replica.apply(states);
  }
}

function gossipKey(spec: GossipKeySpec): KubeObject {
  const metadata = { name: CURRENT_GOSSIP_KEY.name, creationTimestamp: timestamp(spec.since) };
  return { apiVersion: "podman-swarm.internal/v1", kind: "GossipKey", metadata, spec } as KubeObject;
}

/** Names a key without telling it: it holds 256 random bits. */
function digestOf(key: Uint8Array): string {
  return hash("sha256", Buffer.concat([Buffer.from("podman-swarm gossip key\0"), key]), "hex").slice(0, 32);
}
