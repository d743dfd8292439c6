import type { Clock } from "../../lib/clock.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import type { Key, Store } from "../../store/port.ts";
import { CLUSTER_MEMBERS, isReplicated } from "./replicated.ts";

export interface MemberSpec {
  readonly clusterId: string;
  /** Its cluster port, `host:port`. */
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly joined: number;
}

export interface KnownMember {
  readonly name: string;
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly joined: number;
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
      .map(({ key, object }) => {
        const { address, joined } = object["spec"] as MemberSpec;
        return { name: key.name, address, joined };
      });
  }

  specOf(name: string): MemberSpec | undefined {
    const object = this.#store.get(memberKey(name))?.object;
    return object && (object["spec"] as MemberSpec);
  }

  /** Until when everything that was signed for it is refused, in milliseconds since the epoch; 0 for one never removed. */
  deniedUntil(name: string): number {
    return this.#denied.until(name) ?? 0;
  }

  /** Whether it was a member, and has been removed since or has left. */
  isGone(name: string): boolean {
    const spec = this.specOf(name);
    return spec !== undefined && spec.joined <= this.deniedUntil(name);
  }

  /** Who may have something replicated: all known members, and this node in any case. */
  holders(key: Key, own: string): readonly string[] {
    if (!isReplicated(key)) return [own];
    return [...new Set([own, ...this.known().map(({ name }) => name)])];
  }
}

export function memberKey(name: string): Key {
  return { resource: CLUSTER_MEMBERS, namespace: "", name };
}
