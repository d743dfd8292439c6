import { timingSafeEqual } from "node:crypto";

/** AES-128, 192 or 256. Source: memberlist v0.7.0, keyring.go, `ValidateKey`. */
const KEY_BYTES: readonly number[] = [16, 24, 32];
/** Every key is tried on every packet: during a rotation there are two. */
const MAX_KEYS = 8;

function checked(key: Uint8Array): Buffer {
  if (!KEY_BYTES.includes(key.length))
    throw new RangeError(`Cannot use a gossip key of ${key.length} bytes: it has 16, 24 or 32`);
  return Buffer.from(key);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The keys of the gossip. The first one encrypts, all of them decrypt, so that a key is rotated without a break:
 * install it on every node, then use it on every node, then remove the old one. Without any key nothing is encrypted.
 */
export class Keyring {
  #keys: Buffer[];

  /** The first one is the one in use. */
  constructor(keys: readonly Uint8Array[] = []) {
    this.#keys = [];
    for (const key of keys) this.install(key);
  }

  /** The one in use first. */
  get keys(): readonly Buffer[] {
    return this.#keys;
  }

  get primary(): Buffer | undefined {
    return this.#keys[0];
  }

  /** Decrypts with it from now on. A key that is there already changes nothing. */
  install(key: Uint8Array): void {
    const bytes = checked(key);
    if (this.#keys.some((other) => same(other, bytes))) return;
    if (this.#keys.length >= MAX_KEYS)
      throw new RangeError(`Cannot install another gossip key: there are ${MAX_KEYS}, remove one first`);
    this.#keys.push(bytes);
  }

  /** Encrypts with it from now on. */
  use(key: Uint8Array): void {
    const found = this.#keys.find((other) => same(other, key));
    if (found === undefined) throw new Error("Cannot use the gossip key: it is not installed");
    this.#keys = [found, ...this.#keys.filter((other) => other !== found)];
  }

  remove(key: Uint8Array): void {
    if (this.primary && same(this.primary, key)) throw new Error("Cannot remove the gossip key: it is the one in use");
    this.#keys = this.#keys.filter((other) => !same(other, key));
  }
}
