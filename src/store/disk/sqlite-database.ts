import { closeSync, existsSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { ChangeRows, ResealedRows, SqliteWorkerData } from "./sqlite-messages.ts";
import { migrate, SCHEMA_VERSION, schemaVersion } from "./sqlite-schema.ts";
import type { Stamp } from "../merge/stamp.ts";

/** How many rows one look at the log's old end takes. */
const TRIM_STEP = 256;

/** The writing side of the state database: one transaction, one sync, for each commit. Lives in the worker. */
export class SqliteDatabase {
  readonly #db: DatabaseSync;
  readonly #limits: { readonly events: number; readonly bytes: number };
  readonly #clear: StatementSync;
  readonly #put: StatementSync;
  readonly #append: StatementSync;
  readonly #meta: StatementSync;
  #events: number;
  #bytes: number;

  constructor(data: SqliteWorkerData) {
    this.#limits = { events: data.logEvents, bytes: data.logBytes };
    this.#db = openDatabase(data.file);
    this.#clear = this.#db.prepare(
      "DELETE FROM registers WHERE resource = ? AND namespace = ? AND name = ? AND arrival < ?",
    );
    this.#put = this.#db.prepare(
      `INSERT INTO registers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET uid = excluded.uid, created = excluded.created, cause = excluded.cause,
         stamp = excluded.stamp, arrival = excluded.arrival, content = excluded.content,
         sealed_by = excluded.sealed_by, written_by = excluded.written_by, seen = excluded.seen
       WHERE excluded.arrival > arrival`,
    );
    this.#append = this.#db.prepare("INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#meta = this.#db.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)");
    this.#db
      .prepare("INSERT OR IGNORE INTO meta VALUES ('incarnation', ?), ('arrival', '0'), ('stamp', ?), ('horizon', '0')")
      .run(String(data.incarnation), "0".repeat(16));
    [this.#events, this.#bytes] = this.#logSize();
  }

  /** Returns after the sync; throws with nothing changed. */
  commit(changes: readonly ChangeRows[], lastStamp: Stamp): void {
    const [events, bytes] = [this.#events, this.#bytes];
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      let last = 0;
      for (const change of changes) {
        this.#write(change);
        last = Math.max(last, change.arrival);
      }
      this.#trim();
      this.#db
        .prepare("UPDATE meta SET value = ? WHERE name = 'arrival' AND CAST(value AS INTEGER) < ?")
        .run(String(last), last);
      this.#meta.run("stamp", lastStamp);
      this.#db.exec("COMMIT");
    } catch (error) {
      [this.#events, this.#bytes] = [events, bytes];
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** Replaces contents by the same ones sealed anew. A row that was written since keeps what it has. */
  reseal({ registers, events }: ResealedRows): void {
    const register = this.#db.prepare(
      `UPDATE registers SET content = ?, sealed_by = ?
       WHERE resource = ? AND namespace = ? AND name = ? AND register = ? AND arrival = ?`,
    );
    const event = this.#db.prepare("UPDATE log SET content = ?, sealed_by = ? WHERE arrival = ?");
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      for (const { of, register: name, arrival, key, text } of registers) {
        register.run(text, key, of.resource, of.namespace, of.name, name, arrival);
      }
      for (const { arrival, key, text } of events) event.run(text, key, arrival);
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
    [this.#events, this.#bytes] = this.#logSize();
  }

  /** Writes the file anew without what replaced rows have left in it, and empties the write-ahead log. */
  scrub(): void {
    this.#db.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM meta WHERE name = 'plain'");
  }

  /** What SQLite says it does for a commit. */
  durability(): { readonly journal: string; readonly synchronous: number } {
    return {
      journal: String(this.#db.prepare("PRAGMA journal_mode").get()?.["journal_mode"]),
      synchronous: Number(this.#db.prepare("PRAGMA synchronous").get()?.["synchronous"]),
    };
  }

  close(): void {
    this.#db.close();
  }

  #logSize(): [events: number, bytes: number] {
    const size = this.#db
      .prepare("SELECT count(*) AS events, coalesce(sum(length(content)), 0) AS bytes FROM log")
      .get();
    return [Number(size?.["events"]), Number(size?.["bytes"])];
  }

  #write({ key, arrival, clear, uid, created, cause, registers, event }: ChangeRows): void {
    const { resource, namespace, name } = key;
    if (clear) this.#clear.run(resource, namespace, name, arrival);
    for (const register of registers) {
      const row = [resource, namespace, name, register.name, uid, created, cause ?? null] as const;
      const { stamp, content, sealedBy = null, by = null, seen = null } = register;
      this.#put.run(...row, stamp, arrival, content, sealedBy, by, seen);
    }
    if (!event) return;
    this.#append.run(arrival, event.type, resource, namespace, name, event.uid, event.text, event.sealedBy ?? null);
    this.#events += 1;
    this.#bytes += event.text.length;
  }

  /** Keeps the log within its limits, a little below so that not every commit trims. */
  #trim(): void {
    const { events, bytes } = this.#limits;
    if (this.#events <= events && this.#bytes <= bytes) return;
    const oldest = this.#db.prepare("SELECT arrival, length(content) AS size FROM log ORDER BY arrival LIMIT ?");
    const remove = this.#db.prepare("DELETE FROM log WHERE arrival <= ?");
    while (this.#events > events * 0.9 || this.#bytes > bytes * 0.9) {
      const rows = oldest.all(TRIM_STEP);
      const horizon = rows.at(-1)?.["arrival"];
      if (typeof horizon !== "number") break;
      remove.run(horizon);
      this.#meta.run("horizon", String(horizon));
      this.#events -= rows.length;
      this.#bytes -= rows.reduce((sum, row) => sum + Number(row["size"]), 0);
    }
  }
}

function openDatabase(file: string): DatabaseSync {
  const isNew = !existsSync(file);
  // SQLite gives its other files the permissions of the first.
  if (isNew) closeSync(openSync(file, "a", 0o600));
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216");
    if (!isNew) checkIntegrity(db);
    keepBeforeMigration(db, file);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export class DamagedError extends Error {}

function checkIntegrity(db: DatabaseSync): void {
  const answer = String(db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  if (answer !== "ok") throw new DamagedError(answer.replaceAll("\n", " "));
}

/** A copy of the older version stays beside the file, for going back to the older program. */
function keepBeforeMigration(db: DatabaseSync, file: string): void {
  const version = schemaVersion(db);
  if (version === 0 || version >= SCHEMA_VERSION) return;
  const copy = `${file}.v${version}`;
  if (existsSync(copy)) return;
  closeSync(openSync(copy, "a", 0o600));
  db.prepare("VACUUM INTO ?").run(copy);
}
