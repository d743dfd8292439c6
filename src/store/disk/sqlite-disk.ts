import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { startWorker } from "../../lib/worker-entry.ts";
import type { Arrival } from "../arrivals/arrival-numbers.ts";
import { changeRows } from "./change-rows.ts";
import type { Change, Disk, DiskContents, LoggedEvent } from "./disk.ts";
import type { OpenFailure, SqliteAnswer, SqliteRequest, SqliteWorkerData } from "./sqlite-messages.ts";
import { SealError, type Sealer } from "../sealer.ts";
import { mayHoldPlain, readContents, readLog, readResealed, readSealingKeys } from "./sqlite-reader.ts";
import type { Stamp } from "../merge/stamp.ts";

export const DATABASE_NAME = "state.db";
const LOCK_NAME = "state.lock";
export const BACKUP_DIRECTORY = "backups";
/** A backup under this name in the data directory is imported at start. */
export const IMPORT_NAME = "state.json";

export interface SqliteDiskOptions {
  /** Gives what seals secrets; asked once with the ids of the keys that the database needs. Without it all is plain. */
  readonly openSealer?: ((usedKeys: readonly string[]) => Promise<Sealer>) | undefined;
  readonly logEvents?: number;
  readonly logBytes?: number;
}

/** Rows of one resource that are sealed anew between two commits. */
const RESEALED_AT_ONCE = 200;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The state database of a data directory: written by a worker thread, read here. */
export class SqliteDisk implements Disk {
  /** Resolves with the reason when the worker ends without being asked to. */
  readonly died: Promise<Error>;
  readonly sealer: Sealer | undefined;
  readonly #file: string;
  readonly #worker: WorkerCalls;
  #contents: DiskContents | undefined;

  private constructor(file: string, worker: WorkerCalls, sealer: Sealer | undefined) {
    this.#file = file;
    this.#worker = worker;
    this.died = worker.died;
    this.sealer = sealer;
    this.#contents = readContents(file, sealer);
  }

  /** `incarnation` is for a new directory. Refuses, with what to do, a directory in use and a damaged database. */
  static async open(
    { dataDir, incarnation }: { readonly dataDir: string; readonly incarnation: number },
    { logEvents = 10_000, logBytes = 32 * 2 ** 20, openSealer }: SqliteDiskOptions = {},
  ): Promise<SqliteDisk> {
    const file = join(dataDir, DATABASE_NAME);
    const lockFile = join(dataDir, LOCK_NAME);
    const workerData: SqliteWorkerData = { file, lockFile, incarnation, logEvents, logBytes };
    const calls = new WorkerCalls(startWorker("store/disk/sqlite-thread", { workerData }));
    try {
      await calls.started();
    } catch (error) {
      await calls.end();
      throw refusal(dataDir, error as Error);
    }
    try {
      return new SqliteDisk(file, calls, await openSealer?.(readSealingKeys(file)));
    } catch (error) {
      await calls.send({ kind: "close" });
      throw refusal(dataDir, startError(error as Error));
    }
  }

  load(): DiskContents {
    const contents = this.#contents;
    if (!contents) throw new Error("Cannot load the state database twice");
    this.#contents = undefined;
    return contents;
  }

  async commit(changes: readonly Change[], lastStamp: Stamp): Promise<void> {
    const rows = changes.map((change) => changeRows(change, this.sealer));
    await this.#worker.send({ kind: "commit", changes: rows, lastStamp });
  }

  log(resource: string, range: { readonly after: Arrival; readonly upTo: Arrival }): LoggedEvent[] | undefined {
    return readLog(this.#file, resource, { ...range, sealer: this.sealer });
  }

  /** Whether plain secrets of an older version may still lie in the database or beside it. */
  get mayHoldPlain(): boolean {
    return mayHoldPlain(this.#file);
  }

  /** Seals with the current key what is plain or sealed with an older one; commits may go on meanwhile. */
  async reseal(): Promise<void> {
    if (!this.sealer) return;
    for (;;) {
      const rows = readResealed(this.#file, this.sealer, RESEALED_AT_ONCE);
      if (!rows) return;
      await this.#worker.send({ kind: "reseal", rows });
    }
  }

  /** Removes what replaced rows have left in the file. Nothing else is written while it lasts. */
  async scrub(): Promise<void> {
    await this.#worker.send({ kind: "scrub" });
  }

  async close(): Promise<void> {
    await this.#worker.send({ kind: "close" });
    await this.#worker.end();
  }
}

function startError(error: Error): StartError {
  return new StartError(error instanceof SealError ? "sealed" : "corrupt", error.message);
}

class StartError extends Error {
  readonly failure: OpenFailure;

  constructor(failure: OpenFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/** Requests to the worker, which answers them in order. */
class WorkerCalls {
  readonly died: Promise<Error>;
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #ending = false;
  #dead: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (answer: SqliteAnswer) => {
      const waiting = this.#waiting.shift();
      if (answer.kind === "done") waiting?.resolve();
      else waiting?.reject(answer.failure ? new StartError(answer.failure, answer.message) : new Error(answer.message));
    });
    this.died = new Promise((resolve) => {
      const die = (why: string, cause?: unknown): void => {
        this.#dead ??= new Error(`the state database's thread has ended: ${why}`, { cause });
        for (const { reject } of this.#waiting.splice(0)) reject(this.#dead);
        if (!this.#ending) resolve(this.#dead);
      };
      worker.on("error", (error: Error) => die(error.message, error));
      worker.on("exit", (code) => die(`exit code ${code}`));
    });
  }

  started(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  send(request: SqliteRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(this.#dead);
        return;
      }
      if (request.kind === "close") this.#ending = true;
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
  }
}

function refusal(dataDir: string, cause: Error): Error {
  const failure = cause instanceof StartError ? cause.failure : "other";
  const file = join(dataDir, DATABASE_NAME);
  switch (failure) {
    case "locked":
      return new Error(`Cannot open the data directory ${dataDir}: another agent${cause.message} uses it`, { cause });
    case "lock-file": {
      const lock = join(dataDir, LOCK_NAME);
      return new Error(
        `Cannot lock the data directory with ${lock}: ${cause.message}. Nothing is kept in it: remove it and start again`,
        { cause },
      );
    }
    case "corrupt":
      return new Error(
        `Cannot open the state database ${file}: it is damaged (${cause.message}). Nothing was changed. ${wayBack(dataDir)}`,
        { cause },
      );
    case "sealed":
    case "newer":
    case "other":
      return new Error(`Cannot open the state database ${file}: ${cause.message}`, { cause });
  }
}

function wayBack(dataDir: string): string {
  const [file, backups] = [join(dataDir, DATABASE_NAME), join(dataDir, BACKUP_DIRECTORY)];
  const move = `To go back to a backup, move ${file}, ${file}-wal and ${file}-shm away`;
  const copy = existsSync(backups) ? `copy the newest file of ${backups}` : "copy a state backup";
  return `${move}, ${copy} to ${join(dataDir, IMPORT_NAME)} and start the agent again: it imports that file.`;
}
