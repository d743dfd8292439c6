import { mkdir } from "node:fs/promises";
import { type Clock } from "../lib/clock.ts";
import { type Logger } from "../lib/log.ts";
import { type Random } from "../lib/random.ts";
import { ObjectStore, type ObjectStoreOptions } from "./object-store.ts";
import { SqliteDisk, type SqliteDiskOptions } from "./sqlite-disk.ts";

export interface OpenStoreDeps {
  /** Absolute; made with 0700 where it is missing. */
  readonly dataDir: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface OpenStoreOptions extends ObjectStoreOptions, SqliteDiskOptions {}

/**
 * Opens the replica of a data directory. Rejects with a message for the operator when another agent uses the directory
 * or when its database is damaged.
 */
export async function openStore(deps: OpenStoreDeps, options: OpenStoreOptions = {}): Promise<ObjectStore> {
  const { dataDir, clock, random, logger } = deps;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const incarnation = 1 + Math.floor(random.next() * 0xffff);
  const disk = await SqliteDisk.open({ dataDir, incarnation }, options);
  return new ObjectStore({ disk, clock, random, logger }, options);
}
