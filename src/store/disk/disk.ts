import type { Arrival } from "../arrivals/arrival-numbers.ts";
import type { ObjectEntry } from "../object-entry.ts";
import type { ObjectState } from "../object-state.ts";
import type { Key, StoreEvent } from "../port.ts";
import type { Stamp } from "../merge/stamp.ts";

/** One change of one key, in the node's own order. */
export interface Change {
  readonly arrival: Arrival;
  readonly key: Key;
  /** What watchers are told; undefined where nothing that is shown changes (a tombstone's own life). */
  readonly event: { readonly type: StoreEvent["type"]; readonly entry: ObjectEntry } | undefined;
  readonly before: ObjectState | undefined;
  /** Undefined removes every trace. */
  readonly after: ObjectState | undefined;
}

export interface DiskContents {
  /** Below 65536; chosen once per data directory. */
  readonly incarnation: number;
  readonly lastArrival: Arrival;
  readonly lastStamp: Stamp;
  readonly states: readonly { readonly state: ObjectState; readonly arrival: Arrival }[];
}

export interface LoggedEvent {
  readonly arrival: Arrival;
  readonly type: StoreEvent["type"];
  readonly key: Key;
  readonly uid: string;
  /** The whole object as it was shown. */
  readonly text: string;
}

/**
 * Where the store keeps what must survive. Guarantees:
 * - `commit` resolves once all the changes are synced, together with `lastStamp`; when it rejects, none of them is there;
 * - the store has one commit under way at most.
 */
export interface Disk {
  /** What it holds at the start; called once, so that the disk need not keep it. */
  load(): DiskContents;
  commit(changes: readonly Change[], lastStamp: Stamp): Promise<void>;
  /** A resource's events after `after` and up to `upTo`, in order; undefined when they are not there any more. */
  log(resource: string, range: { readonly after: Arrival; readonly upTo: Arrival }): readonly LoggedEvent[] | undefined;
  close(): Promise<void>;
}
