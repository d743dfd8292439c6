import type { Disk, DiskContents } from "./disk.ts";
import { ZERO_STAMP } from "../merge/stamp.ts";

/** Forgets everything with the process. */
export class MemoryDisk implements Disk {
  readonly #incarnation: number;

  constructor(incarnation: number) {
    this.#incarnation = incarnation;
  }

  load(): DiskContents {
    return { incarnation: this.#incarnation, lastArrival: 0, lastStamp: ZERO_STAMP, states: [] };
  }

  async commit(): Promise<void> {}

  log(): undefined {
    return undefined;
  }

  async close(): Promise<void> {}
}
