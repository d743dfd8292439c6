import type { KubeObject } from "../api/kinds.ts";

/** `resource` is the storage resource, `plural` or `plural.group`; `namespace` is "" for cluster-scoped objects. */
export interface Key {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** One version of one object, immutable. */
export interface Entry {
  readonly key: Key;
  readonly uid: string;
  /** The serving node's arrival number of this version: a growing decimal below 2^63. */
  readonly resourceVersion: string;
  /** `main` and `status` joined, with `metadata.resourceVersion` filled in. Shared: must not be changed. */
  readonly object: KubeObject;
  /** The object as UTF-8 JSON, serialised at most once per version. */
  json(): Buffer;
}

export interface StoreEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** For DELETED the last state, under the arrival number of the deletion. */
  readonly entry: Entry;
  /** The version before this one, where this node had it. */
  readonly previous?: Entry | undefined;
}

export type Register = "main" | "status";

export interface Precondition {
  readonly resourceVersion?: string | undefined;
  readonly uid?: string | undefined;
}

/**
 * A node's copy of the cluster's state. Guarantees:
 * - reads are synchronous snapshots of what is durable;
 * - a write resolves after it is on disk and applied here, so the writer reads its own write; two writes to one key are
 *   compared and swapped;
 * - a watch sees every version after its start once and in order, and never one that is not durable.
 * Errors: `ApiError` with reason AlreadyExists, NotFound, Conflict, Expired, or ServiceUnavailable for a failing disk.
 */
export interface Store {
  /** The newest arrival number. */
  readonly resourceVersion: string;
  get(key: Key): Entry | undefined;
  /** Ordered by namespace, then name. Without a namespace: all. */
  list(resource: string, namespace?: string): { readonly entries: readonly Entry[]; readonly resourceVersion: string };
  /**
   * Calls `listener`, in order, with every event after `since` (an arrival number; the current one by default): those
   * in the arrival log before it returns, later ones as they commit. Throws Expired when the log no longer reaches
   * back to `since`. The listener must not throw.
   */
  watch(resource: string, since: string | undefined, listener: (event: StoreEvent) => void, signal: AbortSignal): void;
  /** `cause` makes it insert-if-absent: uid and stamp derive from it and rank below every update of that uid. */
  create(key: Key, object: KubeObject, options?: { readonly cause?: readonly string[] }): Promise<Entry>;
  /** Replaces one register; the other stays. */
  update(key: Key, object: KubeObject, options: Precondition & { readonly register: Register }): Promise<Entry>;
  /** Writes the tombstone of one uid. */
  delete(key: Key, precondition?: Precondition): Promise<Entry>;
}
