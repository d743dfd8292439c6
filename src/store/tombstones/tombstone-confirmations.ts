import { compareIncarnations } from "../merge/merge-states.ts";
import { keyId, type ObjectState } from "../object-state.ts";
import type { Key } from "../port.ts";
import { stampMs } from "../merge/stamp.ts";

/** A successor from the same cause takes another uid only while the tombstone is there, so it stays this long. */
const MIN_AGE_MS = 3_600_000;

/** Remembers which member has which tombstone: one may go only when every known member has it. */
export class TombstoneConfirmations {
  readonly #knownMembers: (key: Key) => readonly string[];
  readonly #confirmed = new Map<string, { readonly state: ObjectState; readonly members: Set<string> }>();

  /** Gives the names of all that may have what is under a key. */
  constructor(knownMembers: (key: Key) => readonly string[]) {
    this.#knownMembers = knownMembers;
  }

  /** `member` has these tombstones on its disk. */
  confirm(member: string, tombstones: Iterable<ObjectState>): void {
    for (const state of tombstones) {
      if (state.tombstone === undefined) continue;
      const id = keyId(state.key);
      const known = this.#confirmed.get(id);
      if (known && compareIncarnations(known.state, state) === 0) known.members.add(member);
      else this.#confirmed.set(id, { state, members: new Set([member]) });
    }
  }

  isDone(tombstone: ObjectState, nowMs: number): boolean {
    if (tombstone.tombstone === undefined || stampMs(tombstone.tombstone) + MIN_AGE_MS > nowMs) return false;
    const known = this.#confirmed.get(keyId(tombstone.key));
    if (!known || compareIncarnations(known.state, tombstone) !== 0) return false;
    return this.#knownMembers(tombstone.key).every((member) => known.members.has(member));
  }

  /** Drops what is not a tombstone any more. */
  prune(isTombstone: (state: ObjectState) => boolean): void {
    for (const [id, { state }] of this.#confirmed) if (!isTombstone(state)) this.#confirmed.delete(id);
  }
}
