import type { ObjectEntry } from "./object-entry.ts";
import type { ObjectState } from "./object-state.ts";
import type { Key } from "./port.ts";

/** What a node holds for one key. Without an entry nothing is shown: a tombstone, or registers whose main is missing. */
export interface Stored {
  readonly state: ObjectState;
  readonly entry: ObjectEntry | undefined;
}

class Bucket {
  readonly byName = new Map<string, Stored>();
  /** Names of what is shown, in order. */
  readonly names: string[] = [];
  #entries: readonly ObjectEntry[] | undefined;

  get entries(): readonly ObjectEntry[] {
    this.#entries ??= this.names.map((name) => this.byName.get(name)?.entry as ObjectEntry);
    return this.#entries;
  }

  set(name: string, next: Stored | undefined): void {
    const shown = this.byName.get(name)?.entry !== undefined;
    if (next) this.byName.set(name, next);
    else this.byName.delete(name);
    if (shown !== (next?.entry !== undefined)) {
      const at = position(this.names, name);
      if (shown) this.names.splice(at, 1);
      else this.names.splice(at, 0, name);
    }
    this.#entries = undefined;
  }
}

/** All states by resource, namespace and name, with ordered lists. */
export class ObjectTable {
  readonly #resources = new Map<string, Map<string, Bucket>>();

  get(key: Key): Stored | undefined {
    return this.#resources.get(key.resource)?.get(key.namespace)?.byName.get(key.name);
  }

  set(key: Key, stored: Stored | undefined): void {
    let namespaces = this.#resources.get(key.resource);
    if (!namespaces) this.#resources.set(key.resource, (namespaces = new Map()));
    let bucket = namespaces.get(key.namespace);
    if (!bucket) namespaces.set(key.namespace, (bucket = new Bucket()));
    bucket.set(key.name, stored);
    if (bucket.byName.size === 0) namespaces.delete(key.namespace);
  }

  list(resource: string, namespace?: string): readonly ObjectEntry[] {
    const namespaces = this.#resources.get(resource);
    if (!namespaces) return [];
    if (namespace !== undefined) return namespaces.get(namespace)?.entries ?? [];
    return [...namespaces.keys()].toSorted(compareText).flatMap((name) => namespaces.get(name)?.entries ?? []);
  }

  /** How many objects of a namespace are shown. */
  count(resource: string, namespace: string): number {
    return this.#resources.get(resource)?.get(namespace)?.names.length ?? 0;
  }

  resources(): string[] {
    return [...this.#resources.keys()];
  }

  /** Every state, shown or not, in no order. */
  *all(resource?: string): IterableIterator<Stored> {
    for (const [name, namespaces] of this.#resources) {
      if (resource !== undefined && resource !== name) continue;
      for (const bucket of namespaces.values()) yield* bucket.byName.values();
    }
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where `name` is or belongs. */
function position(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
