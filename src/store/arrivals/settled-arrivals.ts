import type { Arrival } from "./arrival-numbers.ts";

/**
 * Knows up to which arrival number everything has been shown. What is acknowledged from memory overtakes what waits
 * for the disk, so this is kept for each resource: a list must not carry a number below which something still arrives.
 */
export class SettledArrivals {
  readonly #pending = new Map<string, Set<Arrival>>();
  readonly #all = new Set<Arrival>();
  #newest: Arrival;

  constructor(newest: Arrival) {
    this.#newest = newest;
  }

  begin(resource: string, arrival: Arrival): void {
    let pending = this.#pending.get(resource);
    if (!pending) this.#pending.set(resource, (pending = new Set()));
    pending.add(arrival);
    this.#all.add(arrival);
  }

  /** For what has been shown and for what has failed. */
  end(resource: string, arrival: Arrival): void {
    const pending = this.#pending.get(resource);
    pending?.delete(arrival);
    if (pending?.size === 0) this.#pending.delete(resource);
    this.#all.delete(arrival);
    this.#newest = Math.max(this.#newest, arrival);
  }

  isPending(resource: string): boolean {
    return this.#pending.has(resource);
  }

  /** The greatest number up to which nothing of the resource, or nothing at all, is still to come. */
  upTo(resource?: string): Arrival {
    const pending = resource === undefined ? this.#all : this.#pending.get(resource);
    if (!pending || pending.size === 0) return this.#newest;
    const [first] = pending;
    return (first as Arrival) - 1;
  }
}
