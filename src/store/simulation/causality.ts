import assert from "node:assert/strict";
import { keyId, type ObjectState } from "../object-state.ts";

type Known = ReadonlySet<string>;

/**
 * Judges what replicas report as discarded, by its own account: it remembers each write and each deletion with all that
 * its replica had heard of that key by then, in whole sets.
 */
export class Causality {
  /** By replica, then key: everything of which it has heard. */
  readonly #known: Map<string, Set<string>>[];
  readonly #current: Map<string, string | undefined>[];
  /** What was known where a write or deletion was made; what controllers create may be made at several replicas. */
  readonly #before = new Map<string, Known[]>();
  readonly #writes = new Set<string>();
  /** Those that were replaced or deleted by somebody who saw them. */
  readonly #followed = new Set<string>();
  readonly #reported = new Set<string>();

  constructor(replicas: number) {
    this.#known = Array.from({ length: replicas }, () => new Map());
    this.#current = Array.from({ length: replicas }, () => new Map());
  }

  /** To go along with a state on its way to another replica. */
  known(replica: number, state: ObjectState): Known {
    return new Set(this.#setOf(replica, keyId(state.key)));
  }

  /** A replica has changed a key itself. */
  wrote(replica: number, state: ObjectState): void {
    const key = keyId(state.key);
    const id = idOf(state);
    const before = this.#current[replica]?.get(key);
    if (id === undefined || id === before) return;
    const known = this.#setOf(replica, key);
    this.#before.set(id, [...(this.#before.get(id) ?? []), new Set(known)]);
    if (before !== undefined) this.#followed.add(before);
    if (state.main?.by !== undefined) this.#writes.add(id);
    known.add(id);
    this.#current[replica]?.set(key, id);
  }

  /** A replica has merged what another one sent. */
  heard(replica: number, heard: { readonly known: Known; readonly state: ObjectState | undefined }): void {
    const { known, state } = heard;
    if (!state) return;
    const key = keyId(state.key);
    for (const id of known) this.#setOf(replica, key).add(id);
    this.#current[replica]?.set(key, idOf(state));
  }

  /** A replica says that it has discarded a write; `state` is what it holds instead. */
  reported(lost: ObjectState, state: ObjectState): void {
    const write = idOf(lost) as string;
    const instead = idOf(state);
    assert.ok(this.#writes.has(write), `${write} was never written`);
    const knew = this.#before.get(instead ?? "") ?? [];
    assert.ok(
      knew.some((known) => !known.has(write)),
      `${write} is reported, but ${instead} came after it`,
    );
    this.#reported.add(write);
  }

  /** Every write is there in the end, or was followed by somebody who saw it, or is reported. */
  judge(final: Iterable<ObjectState>): { readonly writes: number; readonly reported: number } {
    const there = new Set([...final].map(idOf));
    for (const write of this.#writes) {
      const accounted = there.has(write) || this.#followed.has(write) || this.#reported.has(write);
      assert.ok(accounted, `${write} was discarded, and nobody has said so`);
    }
    return { writes: this.#writes.size, reported: this.#reported.size };
  }

  #setOf(replica: number, key: string): Set<string> {
    const all = this.#known[replica] as Map<string, Set<string>>;
    let known = all.get(key);
    if (!known) all.set(key, (known = new Set()));
    return known;
  }
}

function idOf({ key, uid, main, tombstone }: ObjectState): string | undefined {
  if (tombstone !== undefined) return `${keyId(key)} ${uid} deleted ${tombstone}`;
  return main && `${keyId(key)} ${uid} ${main.stamp} ${main.by ?? ""}`;
}
