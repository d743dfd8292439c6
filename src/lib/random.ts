import { randomBytes, randomUUID } from "node:crypto";

/** The only source of randomness. A simulation passes a seeded one. Not for secrets: those take `secretBytes`. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A version 4 UUID. */
  uuid(): string;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => randomUUID(),
};

/** Cryptographically secure bytes for keys and tokens. */
export function secretBytes(length: number): Buffer {
  return randomBytes(length);
}

/** A reproducible source (mulberry32, public domain by Tommy Ettinger). Print the seed when a test fails. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("");
  return {
    next,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
  };
}

/** The alphabet of Kubernetes' generated names (apimachinery `rand.String`): no vowels, no look-alikes. */
const NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** A random suffix as `generateName` appends it. */
export function nameSuffix(random: Random, length = 5): string {
  return Array.from({ length }, () => NAME_ALPHABET[Math.floor(random.next() * NAME_ALPHABET.length)]).join("");
}
