/**
 * Counts how often something was made under one key, as part of the cause of the next create: an object that is made
 * anew must get another uid than the one that was deleted. Only a memory: after a restart the count starts low again, and
 * creates that meet a tombstone or an older object go on to the next number.
 */
export class Attempts {
  readonly #next = new Map<string, number>();

  /** The number for the next create; `least` where nothing is remembered. */
  next(key: string, least = 0): number {
    return this.#next.get(key) ?? least;
  }

  used(key: string, attempt: number): void {
    this.#next.set(key, Math.max(this.#next.get(key) ?? 0, attempt + 1));
  }

  forget(key: string): void {
    this.#next.delete(key);
  }
}
