import { keyId, type ObjectState } from "../object-state.ts";

/** What is forgotten here comes once more from a member that has not collected it yet, and is then collected again. */
const REMEMBERED = 8192;

/**
 * The tombstones that this replica has collected since its start. They were on every member then, so that whoever still
 * has one may drop it, and it does not come back here.
 */
export class CollectedTombstones {
  readonly #ids = new Set<string>();

  add(state: ObjectState): void {
    this.#ids.add(idOf(state));
    for (const oldest of this.#ids) {
      if (this.#ids.size <= REMEMBERED) return;
      this.#ids.delete(oldest);
    }
  }

  has(state: ObjectState): boolean {
    return state.tombstone !== undefined && this.#ids.has(idOf(state));
  }
}

function idOf({ key, uid }: ObjectState): string {
  return `${keyId(key)} ${uid}`;
}
