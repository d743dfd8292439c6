import type { ObjectState } from "./object-state.ts";
import type { Key } from "./port.ts";

/** A change that this node has applied, as replication passes it on. */
export interface Applied {
  readonly state: ObjectState;
  /** Whether it was made here and not heard from another node. */
  readonly local: boolean;
}

/** The keys of what was not merged. */
export interface ApplyResult {
  /** A stamp is too far ahead of this node's clock. */
  readonly refused: readonly Key[];
  /** Tombstones that every member had, and that this node has collected: the sender may drop them. */
  readonly over: readonly Key[];
}
