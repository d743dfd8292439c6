import type { Change, Disk } from "./disk.ts";
import type { Stamp } from "../merge/stamp.ts";

/** Changes that belong together, and what follows once they are durable or have failed. */
export interface CommitItem {
  readonly changes: readonly Change[];
  committed(): void;
  failed(error: unknown): void;
}

/** More would only make the first writer wait longer. */
const MAX_BATCH = 512;

/** Gathers what comes while a commit is under way into the next one. Items settle in the order in which they came. */
export class GroupCommit {
  readonly #disk: Disk;
  readonly #lastStamp: () => Stamp;
  #queue: CommitItem[] = [];
  #running: Promise<void> | undefined;

  constructor(disk: Disk, lastStamp: () => Stamp) {
    this.#disk = disk;
    this.#lastStamp = lastStamp;
  }

  add(item: CommitItem): void {
    this.#queue.push(item);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Never rejects: a failed commit is told to its items. */
  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, MAX_BATCH);
      const changes = batch.length === 1 ? (batch[0] as CommitItem).changes : batch.flatMap((item) => item.changes);
      try {
        await this.#disk.commit(changes, this.#lastStamp());
      } catch (error) {
        for (const item of batch) item.failed(error);
        continue;
      }
      for (const item of batch) item.committed();
    }
    this.#running = undefined;
  }
}
