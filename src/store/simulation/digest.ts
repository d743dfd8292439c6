import { keyId, type ObjectState, stateVersion } from "../object-state.ts";

/** What one replica has, in short: the version of each key's state. */
export type Digest = ReadonlyMap<string, string>;

export interface Replica {
  states(): Iterable<ObjectState>;
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
