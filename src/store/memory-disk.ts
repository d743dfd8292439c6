import type { Disk, DiskContents } from "./disk.ts";
import { ZERO_STAMP } from "./stamp.ts";

/** Forgets everything with the process. */
export class MemoryDisk implements Disk {
  readonly contents: DiskContents;

  constructor(incarnation: number) {
    this.contents = { incarnation, lastArrival: 0, lastStamp: ZERO_STAMP, horizon: 0, states: [] };
  }

  async commit(): Promise<void> {}

  log(): undefined {
    return undefined;
  }

  async close(): Promise<void> {}
}
