import { keyId, type ObjectState, stateVersion } from "./object-state.ts";

/** What one replica has, in short: the version of each key's state. */
export type Digest = ReadonlyMap<string, string>;

export interface Replica {
  states(): Iterable<ObjectState>;
  apply(states: readonly ObjectState[]): Promise<unknown>;
}

export function digestOf(replica: Replica): Digest {
  const digest = new Map<string, string>();
  for (const state of replica.states()) digest.set(keyId(state.key), stateVersion(state));
  return digest;
}

/** What a replica with this digest may not have yet. */
export function statesBeyond(replica: Replica, digest: Digest): ObjectState[] {
  return [...replica.states()].filter((state) => digest.get(keyId(state.key)) !== stateVersion(state));
}

/** Repairs two replicas from one another: afterwards both have what either had. */
export async function exchangeDigests(a: Replica, b: Replica): Promise<void> {
  const [forA, forB] = [statesBeyond(b, digestOf(a)), statesBeyond(a, digestOf(b))];
  await Promise.all([a.apply(forA), b.apply(forB)]);
}
