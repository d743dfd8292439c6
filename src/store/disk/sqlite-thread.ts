import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { collectAfterStart } from "../../lib/collect-after-start.ts";
import { DamagedError, SqliteDatabase } from "./sqlite-database.ts";
import type { OpenFailure, SqliteAnswer, SqliteRequest, SqliteWorkerData } from "./sqlite-messages.ts";
import { NewerSchemaError } from "./sqlite-schema.ts";

/** SQLite's primary result codes (sqlite3.h). */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

const port = parentPort;
if (!port) throw new Error("Cannot run the store's worker: it is not a worker thread");
const answer = (message: SqliteAnswer): void => port.postMessage(message);
const data = workerData as SqliteWorkerData;

/**
 * Holds the data directory until this process ends, however it ends: the lock of a database that is never written.
 * The kernel releases it, so that there is nothing to clean up after a kill.
 */
function lock(): DatabaseSync {
  // Never opened when it is there: closing it would release the lock of a store in this same process.
  if (!existsSync(data.lockFile)) closeSync(openSync(data.lockFile, "a", 0o600));
  const db = new DatabaseSync(data.lockFile);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    throw error;
  }
  writeFileSync(`${data.lockFile}.pid`, `${process.pid}\n`, { mode: 0o600 });
  return db;
}

function holder(): string {
  try {
    return ` (process ${readFileSync(`${data.lockFile}.pid`, "utf8").trim()})`;
  } catch {
    // The other one has not written it yet; the refusal is the same without.
    return "";
  }
}

function primaryCode(error: unknown): number {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : 0;
}

function failure(error: unknown): OpenFailure {
  const code = primaryCode(error);
  if (error instanceof DamagedError || code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return "corrupt";
  if (error instanceof NewerSchemaError) return "newer";
  return "other";
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function perform(database: SqliteDatabase, request: SqliteRequest): void {
  switch (request.kind) {
    case "commit":
      return database.commit(request.changes, request.lastStamp);
    case "reseal":
      return database.reseal(request.rows);
    case "scrub":
      return database.scrub();
    case "close":
      return database.close();
  }
}

function serve(database: SqliteDatabase, held: DatabaseSync): void {
  port?.on("message", (request: SqliteRequest) => {
    try {
      perform(database, request);
      answer({ kind: "done" });
    } catch (error) {
      answer({ kind: "failed", message: text(error) });
    }
    if (request.kind !== "close") return;
    held.close();
    port.close();
  });
}

function start(): void {
  let held: DatabaseSync;
  try {
    held = lock();
  } catch (error) {
    const locked = primaryCode(error) === SQLITE_BUSY;
    answer({ kind: "failed", failure: locked ? "locked" : "lock-file", message: locked ? holder() : text(error) });
    return;
  }
  try {
    const database = new SqliteDatabase(data);
    serve(database, held);
    answer({ kind: "done" });
    collectAfterStart();
  } catch (error) {
    held.close();
    answer({ kind: "failed", failure: failure(error), message: text(error) });
  }
}

start();
