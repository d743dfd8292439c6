/** Does works one after the other, in the order in which they come; one that fails does not hold up the next. */
export class Serial {
  readonly #last = new Map<string, Promise<void>>();

  /** Ends as `work` ends. Those of another `key` do not wait for one another. */
  run<T>(work: () => Promise<T>, key = ""): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const forget = (): void => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    };
    // A failure is for the caller, who has `result`.
    const done: Promise<void> = result.then(forget, forget);
    this.#last.set(key, done);
    return result;
  }
}
