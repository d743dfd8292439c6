import { mkdir } from "node:fs/promises";
import type { KubeObject } from "../api/kinds.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { DurableStore, type DurableStoreOptions } from "./durable-store.ts";
import type { Key } from "./port.ts";
import { sealDataDirectory } from "./backup/seal-files.ts";
import { SqliteDisk, type SqliteDiskOptions } from "./disk/sqlite-disk.ts";

export interface OpenStoreDeps {
  /** Absolute; made with 0700 where it is missing. */
  readonly dataDir: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The names of all members that may have what is under a key; only this node by default. */
  readonly knownMembers?: (key: Key) => readonly string[];
}

export interface OpenStoreOptions extends DurableStoreOptions, SqliteDiskOptions {
  /** False leaves a state.json alone, for a caller that calls `importStateFile` itself once it can complete objects. */
  readonly importAtStart?: boolean;
  /** Completes each object of an imported state.json as the API server would, or throws why it cannot be taken. */
  readonly prepareImport?: (key: Key, object: KubeObject) => KubeObject;
}

/**
 * Opens the replica of a data directory and imports a backup that lies there as state.json. Rejects with a message for
 * the operator when another agent uses the directory, when its database is damaged or newer than this program, and
 * when the import is not possible; nothing is changed then.
 */
export async function openStore(deps: OpenStoreDeps, options: OpenStoreOptions = {}): Promise<DurableStore> {
  const { dataDir, random } = deps;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const incarnation = 1 + Math.floor(random.next() * 0xffff);
  const disk = await SqliteDisk.open({ dataDir, incarnation }, options);
  const store = new DurableStore({ ...deps, disk, replica: deps.nodeName }, options);
  try {
    if (disk.sealer) await sealDataDirectory(disk, { dataDir, sealer: disk.sealer, logger: deps.logger });
    if (options.importAtStart !== false) await store.importStateFile(options.prepareImport);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
