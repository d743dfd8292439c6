import { hash } from "node:crypto";
import { keyId, type ObjectState, stateVersion } from "../object-state.ts";

/** How many parts a digest has. */
export const BUCKETS = 256;

export interface DigestEntry {
  readonly id: string;
  readonly version: string;
  readonly state: ObjectState;
}

/** What a replica has, in short: keys fall into buckets by their hash, and equal buckets have equal hashes. */
export class BucketDigest {
  readonly #buckets: (DigestEntry[] | undefined)[] = Array.from({ length: BUCKETS });

  constructor(states: Iterable<ObjectState>) {
    for (const state of states) {
      const id = keyId(state.key);
      const bucket = bucketOf(id);
      (this.#buckets[bucket] ??= []).push({ id, version: stateVersion(state), state });
    }
  }

  /** One for each bucket; "" for an empty one. */
  hashes(): string[] {
    return this.#buckets.map((entries) => {
      if (!entries) return "";
      const lines = entries.map(({ id, version }) => `${id} ${version}`).toSorted();
      return hash("sha256", lines.join("\n"), "hex").slice(0, 32);
    });
  }

  bucket(index: number): readonly DigestEntry[] {
    return this.#buckets[index] ?? [];
  }
}

function bucketOf(id: string): number {
  return Number.parseInt(hash("sha256", id, "hex").slice(0, 2), 16);
}
