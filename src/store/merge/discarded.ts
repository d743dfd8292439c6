import { hash } from "node:crypto";
import { covers, historyOf } from "./history.ts";
import type { Content, ObjectState } from "../object-state.ts";
import type { Key } from "../port.ts";
import { sameValue } from "../same-value.ts";
import { stampMs } from "./stamp.ts";

/** A user's change that a merge has dropped: neither it nor what is kept was made with the other in sight. */
export interface Discarded {
  readonly key: Key;
  /** Of the object that it was a change of. */
  readonly uid: string;
  /** Of the object that there is now; another one where `keptInstead` is "object". */
  readonly keptUid: string;
  /** The same on all replicas. */
  readonly id: string;
  /** The object as it was written, but for its status. */
  readonly content: Content;
  /** The replica that took it. */
  readonly by: string;
  /** Milliseconds since the Unix epoch, by the clock of that replica. */
  readonly atMs: number;
  /** A newer change of the same object, its deletion, or another object of the same name. */
  readonly keptInstead: "change" | "deletion" | "object";
  /** Where and when that was written, as far as it is known. */
  readonly kept: { readonly by: string; readonly atMs: number } | undefined;
}

/** What the join of two states has dropped, seen from either side; at most one of them had something to lose. */
export function discardedBy(
  merged: ObjectState,
  [ours, theirs]: readonly [ObjectState, ObjectState],
): Discarded | undefined {
  return discardedOf(ours, theirs, merged) ?? discardedOf(theirs, ours, merged);
}

function discardedOf(lost: ObjectState, other: ObjectState, merged: ObjectState): Discarded | undefined {
  const { key, uid, main } = lost;
  // Without a writer: what a controller derived, which comes again, and what was written before writers were noted.
  if (main?.by === undefined || main === merged.main) return undefined;
  const { by, stamp, content } = main;
  if (covers(historyOf(other), { by, stamp })) return undefined;
  if (merged.uid === uid && sameValue(content, merged.main?.content)) return undefined;
  const winner = merged.main;
  return {
    key,
    uid,
    keptUid: merged.uid,
    id: hash("sha256", `${uid} ${stamp} ${by}`, "hex").slice(0, 16),
    content,
    by,
    atMs: stampMs(stamp),
    keptInstead: merged.tombstone !== undefined ? "deletion" : merged.uid === uid ? "change" : "object",
    kept: winner?.by === undefined ? undefined : { by: winner.by, atMs: stampMs(winner.stamp) },
  };
}
