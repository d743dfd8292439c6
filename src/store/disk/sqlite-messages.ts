import type { Arrival } from "../arrivals/arrival-numbers.ts";
import type { Key, StoreEvent } from "../port.ts";
import type { Sealed } from "../sealer.ts";
import type { Stamp } from "../merge/stamp.ts";

/** What the worker is started with. */
export interface SqliteWorkerData {
  readonly file: string;
  readonly lockFile: string;
  readonly incarnation: number;
  /** The arrival log keeps at most this many events and this many bytes of them. */
  readonly logEvents: number;
  readonly logBytes: number;
}

export type RegisterName = "main" | "status" | "binding" | "deletion" | "claimants" | "tombstone";

/** One change of one key, as rows. */
export interface ChangeRows {
  readonly key: Key;
  readonly arrival: Arrival;
  /** Whether the key's older rows go first. */
  readonly clear: boolean;
  readonly uid: string;
  readonly created: Stamp;
  readonly cause: string | undefined;
  readonly registers: readonly {
    readonly name: RegisterName;
    readonly stamp: Stamp;
    readonly content: string;
    /** The replica that wrote it. */
    readonly by?: string | undefined;
    /** A History as JSON. */
    readonly seen?: string | undefined;
    /** The key that has sealed the content. */
    readonly sealedBy?: string;
  }[];
  readonly event:
    | { readonly type: StoreEvent["type"]; readonly uid: string; readonly text: string; readonly sealedBy?: string }
    | undefined;
}

/** Rows whose content is sealed anew, unless they have changed since. */
export interface ResealedRows {
  readonly registers: readonly (Sealed & { readonly of: Key; readonly register: string; readonly arrival: Arrival })[];
  readonly events: readonly (Sealed & { readonly arrival: Arrival })[];
}

export type SqliteRequest =
  | { readonly kind: "commit"; readonly changes: readonly ChangeRows[]; readonly lastStamp: Stamp }
  | { readonly kind: "reseal"; readonly rows: ResealedRows }
  /** Removes what deleted and replaced rows have left in the file. */
  | { readonly kind: "scrub" }
  | { readonly kind: "close" };

/** Where opening failed. */
export type OpenFailure = "locked" | "lock-file" | "corrupt" | "newer" | "sealed" | "other";

/** The worker answers its start first, then each request in order. */
export type SqliteAnswer =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string; readonly failure?: OpenFailure };
