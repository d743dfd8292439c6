import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { KubeObject } from "../api/kinds.ts";
import { timestamp } from "../lib/clock.ts";
import { describeError } from "../lib/log.ts";
import { backupName, backupTime, keepBackups, listBackups, writeFileAtomically } from "./backup/backup-files.ts";
import { ObjectStore, type ObjectStoreDeps, type ObjectStoreOptions } from "./object-store.ts";
import type { ObjectState } from "./object-state.ts";
import type { Key } from "./port.ts";
import { restoreObjects, type RestoreResult } from "./backup/restore-objects.ts";
import { BACKUP_DIRECTORY, IMPORT_NAME, type SqliteDisk } from "./disk/sqlite-disk.ts";
import { readStateFile, writeStateFile } from "./backup/state-file.ts";
import { sealStateFile, sealStateFiles } from "./backup/seal-files.ts";
import { TombstoneConfirmations } from "./tombstones/tombstone-confirmations.ts";

export interface DurableStoreDeps extends ObjectStoreDeps {
  readonly disk: SqliteDisk;
  readonly dataDir: string;
  readonly nodeName: string;
  /** The names of all members that may have what is under a key; only this node by default. */
  readonly knownMembers?: (key: Key) => readonly string[];
}

export interface DurableStoreOptions extends ObjectStoreOptions {
  readonly backupEveryMs?: number;
  /** How many backups stay; two days of hourly ones by default. */
  readonly backupsKept?: number;
  /** Whether a resource is in backups and exports, and is taken from them; all that is not internal is, by default. */
  readonly isBackedUp?: (resource: string) => boolean;
}

/** The group of what no user makes. */
const INTERNAL = ".podman-swarm.internal";

const SWEEP_MS = 30_000;

/** The store of an agent: a replica on disk that backs itself up and clears up after itself. */
export class DurableStore extends ObjectStore {
  readonly backupDirectory: string;
  readonly #deps: DurableStoreDeps;
  readonly #every: number;
  readonly #kept: number;
  readonly #confirmations: TombstoneConfirmations;
  readonly #isBackedUp: (resource: string) => boolean;
  #backedUp = -1;

  constructor(deps: DurableStoreDeps, options: DurableStoreOptions = {}) {
    super(deps, options);
    const { backupEveryMs = 3_600_000, backupsKept = 48, isBackedUp = () => true } = options;
    this.#deps = deps;
    this.#every = backupEveryMs;
    this.#kept = backupsKept;
    this.#isBackedUp = (resource) => !resource.endsWith(INTERNAL) && isBackedUp(resource);
    this.backupDirectory = join(deps.dataDir, BACKUP_DIRECTORY);
    this.#confirmations = new TombstoneConfirmations(deps.knownMembers ?? (() => [deps.nodeName]));
  }

  /** Expires, collects and backs up until aborted. Rejects when the database's thread dies: start the agent again. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const died = this.#deps.disk.died.then((error) => {
      throw error;
    });
    try {
      await Promise.race([died, this.#maintain(AbortSignal.any([signal, stop.signal]))]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      stop.abort();
    }
  }

  /** Writes a backup and removes the oldest above the number kept. Returns its file. */
  async backup(): Promise<string> {
    const { clock, logger } = this.#deps;
    const changes = this.durableChanges;
    const file = join(this.backupDirectory, backupName(clock.now()));
    await writeFileAtomically(file, this.exportState());
    this.#backedUp = changes;
    await keepBackups(this.backupDirectory, this.#kept);
    logger.info("wrote a backup of the state", { file });
    return file;
  }

  /**
   * The state as text, in pieces, as of now, without what belongs to this very cluster: claims, which their holders make
   * again, what members know of each other, and what is not backed up. The form is described at `state-file.ts`.
   */
  exportState(): Iterable<string> {
    const resources = this.resources().filter((resource) => !this.isEphemeral(resource) && this.#isBackedUp(resource));
    const lists = new Map(resources.map((resource) => [resource, this.durableEntries(resource)]));
    const head = { createdAt: timestamp(this.#deps.clock.now()), node: this.#deps.nodeName };
    return writeStateFile(head, {
      resources,
      list: (resource) => lists.get(resource) ?? [],
      sealer: this.#deps.disk.sealer,
    });
  }

  /** Restores the text of a backup or export by normal writes; see `restoreObjects`. What is not backed up is passed over. */
  async restore(text: string, prepare?: (key: Key, object: KubeObject) => KubeObject): Promise<RestoreResult> {
    const { disk, random, logger } = this.#deps;
    const objects = readStateFile(text, disk.sealer);
    const taken = objects.filter(({ key }) => this.#isBackedUp(key.resource));
    const passed = objects.filter(({ key }) => !this.#isBackedUp(key.resource));
    for (const [resource, those] of Map.groupBy(passed, ({ key }) => key.resource)) {
      logger.warn("Not restored: these are no part of a backup", { resource, objects: those.length });
    }
    return restoreObjects({ store: this, uuid: () => random.uuid(), prepare }, taken);
  }

  async restoreFile(file: string, prepare?: (key: Key, object: KubeObject) => KubeObject): Promise<RestoreResult> {
    try {
      return await this.restore(await readFile(file, "utf8"), prepare);
    } catch (error) {
      throw new Error(`Cannot restore the state from ${file}: ${describeError(error)}`, { cause: error });
    }
  }

  /** Seals everything with the current key, backups too. Gives whether older keys are not needed any more. */
  async reseal(): Promise<boolean> {
    const { disk, dataDir, logger } = this.#deps;
    if (!disk.sealer) return true;
    await disk.reseal();
    return await sealStateFiles({ dataDir, sealer: disk.sealer, logger });
  }

  /** Imports a backup or export that lies in the data directory as state.json, and renames it. */
  async importStateFile(prepare?: (key: Key, object: KubeObject) => KubeObject): Promise<RestoreResult | undefined> {
    const { dataDir, clock, logger } = this.#deps;
    const file = join(dataDir, IMPORT_NAME);
    if (!existsSync(file)) return undefined;
    const result = await this.restoreFile(file, prepare);
    const movedTo = `${file}.imported-${backupName(clock.now()).slice("state-backup-".length, -".json".length)}`;
    await rename(file, movedTo);
    if (this.#deps.disk.sealer) await sealStateFile(movedTo, this.#deps.disk.sealer);
    logger.info("imported the state", { file, ...result, movedTo });
    return result;
  }

  /** Another member has these tombstones on its disk. */
  confirmTombstones(member: string, tombstones: Iterable<ObjectState>): void {
    this.#confirmations.confirm(member, tombstones);
  }

  /** One round of clearing up: what has expired, and tombstones that every known member has. */
  async sweep(): Promise<void> {
    const now = this.#deps.clock.now();
    await this.expire();
    this.#confirmations.confirm(this.#deps.nodeName, this.states());
    await this.collect((tombstone) => this.#confirmations.isDone(tombstone, now));
    this.#confirmations.prune(({ key }) => this.state(key)?.tombstone !== undefined);
  }

  async #maintain(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    const newest = (await listBackups(this.backupDirectory)).at(-1);
    let due = (newest === undefined ? undefined : backupTime(newest)) ?? clock.now() - this.#every;
    // A clock that was ahead must not hold up backups.
    due = Math.min(due, clock.now()) + this.#every;
    for (;;) {
      await clock.sleep(Math.min(SWEEP_MS, this.#every), signal);
      try {
        await this.sweep();
        if (clock.now() < due || this.durableChanges === this.#backedUp) continue;
        due = clock.now() + this.#every;
        await this.backup();
      } catch (error) {
        signal.throwIfAborted();
        logger.error("cannot look after the state; trying again", { error });
      }
    }
  }
}
