import type { Arrival } from "./arrivals/arrival-numbers.ts";
import type { Key } from "./port.ts";
import type { Stamp } from "./merge/stamp.ts";

/** A text that only the holder of a key can read. */
export interface Sealed {
  /** Names the key, so that keys can be replaced. */
  readonly key: string;
  readonly text: string;
}

/**
 * Keeps what is secret from lying readable in the database, its log and its backups. Guarantees: `open` gives back what
 * was sealed for the same context, or throws a SealError that says what is missing; both are synchronous.
 */
export interface Sealer {
  /** The key that `seal` uses now. */
  readonly keyId: string;
  /** Whether the objects of a resource are secret. */
  covers(resource: string): boolean;
  /** `context` says where the text belongs: sealed text that was moved elsewhere does not open. */
  seal(text: string, context: string): Sealed;
  open(sealed: Sealed, context: string): string;
}

/** Sealed text that cannot be opened: its key is missing, or it is not what was sealed. The message is for the operator. */
export class SealError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SealError";
  }
}

export function registerContext(key: Key, of: { uid: string; register: string; stamp: Stamp }): string {
  return JSON.stringify(["register", key.resource, key.namespace, key.name, of.uid, of.register, of.stamp]);
}

export function eventContext(key: Key, of: { uid: string; arrival: Arrival }): string {
  return JSON.stringify(["event", key.resource, key.namespace, key.name, of.uid, of.arrival]);
}

/** `id` is "NAMESPACE/NAME", or "NAME" for what has no namespace. */
export function exportContext(resource: string, id: string): string {
  return JSON.stringify(["export", resource, id]);
}
