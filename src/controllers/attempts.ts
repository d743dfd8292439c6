/**
 * Numbers the objects that are made under one key, as part of the cause of the next create, from which its name comes: a
 * new pod should not have the name of one that was just deleted. Only a memory: after a restart the count starts low
 * again, and creates that meet an object go on to the next number.
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

  /** To be called when the owner is gone. */
  forget(key: string): void {
    this.#next.delete(key);
  }
}
