/** The background work of one worker: nothing runs without an owner that sees it fail. */
export class Jobs {
  readonly #running = new Set<Promise<void>>();
  readonly #failed: (error: unknown) => void;
  readonly #ended: () => void;

  constructor({ failed, ended }: { failed: (error: unknown) => void; ended: () => void }) {
    this.#failed = failed;
    this.#ended = ended;
  }

  run(work: () => Promise<void>): void {
    const job = work()
      .catch(this.#failed)
      .finally(() => {
        this.#running.delete(job);
        this.#ended();
      });
    this.#running.add(job);
  }

  /** Resolves when nothing runs any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
