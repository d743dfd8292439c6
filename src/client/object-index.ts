import type { KindName, Kinds } from "../api/kinds.ts";
import type { ObjectChange, Objects } from "../api/objects.ts";
import { stored, type Stored } from "../api/stored.ts";

export interface ObjectIndexOptions<K extends KindName> {
  readonly kind: K;
  /** Under which keys an object is found. Pure, and cheap: called for each change and each read. */
  keys(object: Stored<K>): readonly string[];
}

interface Place {
  readonly namespace: string | undefined;
  readonly name: string;
}

/**
 * Finds objects of one kind by derived keys without scanning all. Reads go through to `Objects`, so an object that
 * changed or vanished is never returned in an old state, even before its change has arrived here; `note` does the same
 * for one that was just created.
 */
export class ObjectIndex<K extends KindName> {
  readonly #objects: Objects;
  readonly #options: ObjectIndexOptions<K>;
  readonly #places = new Map<string, Map<string, Place>>();
  readonly #keysOf = new Map<string, readonly string[]>();

  constructor({ objects }: { objects: Objects }, options: ObjectIndexOptions<K>) {
    this.#objects = objects;
    this.#options = options;
  }

  /** Fills the index before it returns, and follows changes until the signal is aborted. */
  start(signal: AbortSignal): void {
    this.#objects.watch(this.#options.kind, (change) => this.follow(change), signal);
  }

  /** Takes in a change; for owners that watch the kind anyway and do not call `start`. */
  follow({ type, object }: Pick<ObjectChange<K>, "type" | "object">): void {
    if (type !== "DELETED") this.note(object);
    else if (!this.#exists(object)) this.#forget(object);
  }

  /** Takes in a version that a write has returned, before its change arrives. */
  note(object: Kinds[K]): void {
    const { metadata } = stored(object);
    const id = `${metadata.namespace ?? ""}/${metadata.name}`;
    const keys = this.#options.keys(stored(object));
    const before = this.#keysOf.get(id);
    if (before && before.length === keys.length && before.every((key, position) => key === keys[position])) return;
    this.#forget(object);
    this.#keysOf.set(id, keys);
    for (const key of keys) {
      const places = this.#places.get(key) ?? new Map<string, Place>();
      places.set(id, { namespace: metadata.namespace, name: metadata.name });
      this.#places.set(key, places);
    }
  }

  /** The objects that are found under `key` now. */
  get(key: string): readonly Stored<K>[] {
    const found: Stored<K>[] = [];
    for (const place of this.#places.get(key)?.values() ?? []) {
      const object = this.#objects.get(this.#options.kind, place);
      if (object && this.#options.keys(stored(object)).includes(key)) found.push(stored(object));
    }
    return found;
  }

  #exists(object: Kinds[K]): boolean {
    const { namespace, name } = stored(object).metadata;
    return this.#objects.get(this.#options.kind, { namespace, name }) !== undefined;
  }

  #forget(object: Kinds[K]): void {
    const { metadata } = stored(object);
    const id = `${metadata.namespace ?? ""}/${metadata.name}`;
    for (const key of this.#keysOf.get(id) ?? []) {
      const places = this.#places.get(key);
      places?.delete(id);
      if (places?.size === 0) this.#places.delete(key);
    }
    this.#keysOf.delete(id);
  }
}
