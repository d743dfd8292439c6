/** Lets at most `size` pieces of work run at once; the others wait in order. */
export class Slots {
  readonly #size: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  constructor(size: number) {
    this.#size = size;
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#used -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#used >= this.#size) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const aborted = (): void => {
        const index = this.#waiting.indexOf(resolve);
        if (index >= 0) this.#waiting.splice(index, 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
      };
      this.#waiting.push(resolve);
      signal.addEventListener("abort", aborted, { once: true });
      await promise.finally(() => signal.removeEventListener("abort", aborted));
    }
    this.#used += 1;
  }
}
