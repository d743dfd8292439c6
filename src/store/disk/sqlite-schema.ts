import type { DatabaseSync } from "node:sqlite";

/** Marks the file as ours (`PRAGMA application_id`): "PSWM". */
const APPLICATION_ID = 0x5053574d;

/** Step N takes a database from version N to N + 1. Steps are never changed once released. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE registers (
     resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, register TEXT NOT NULL,
     uid TEXT NOT NULL, created TEXT NOT NULL, cause TEXT, stamp TEXT NOT NULL, arrival INTEGER NOT NULL,
     content TEXT NOT NULL,
     PRIMARY KEY (resource, namespace, name, register)
   ) STRICT;
   CREATE TABLE log (
     arrival INTEGER PRIMARY KEY, type TEXT NOT NULL,
     resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, content TEXT NOT NULL
   ) STRICT;`,
  // A watch that starts far back reads one resource out of the whole log.
  `CREATE INDEX log_resource ON log (resource, arrival);`,
  // Secrets are sealed: by which key stands beside each content, NULL for plain ones. `plain` stays until all that was
  // written before, backups included, has been sealed.
  `ALTER TABLE registers ADD COLUMN sealed_by TEXT;
   ALTER TABLE log ADD COLUMN sealed_by TEXT;
   INSERT OR REPLACE INTO meta VALUES ('plain', '1');`,
  // Who wrote `main`, and what it (or a tombstone) comes after. NULL: not known, or nothing more than itself.
  `ALTER TABLE registers ADD COLUMN written_by TEXT;
   ALTER TABLE registers ADD COLUMN seen TEXT;`,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

export class NewerSchemaError extends Error {}

export function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
}

/** Brings a database to the version `to`; all or nothing for each step. Returns the version that it had. */
export function migrate(db: DatabaseSync, to = SCHEMA_VERSION): number {
  const from = schemaVersion(db);
  if (from > SCHEMA_VERSION)
    throw new NewerSchemaError(
      `it has schema version ${from} and this program knows ${SCHEMA_VERSION}: use the newer program`,
    );
  for (const [version, step] of MIGRATIONS.slice(0, to).entries()) {
    if (version < from) continue;
    db.exec(`BEGIN IMMEDIATE; ${step} PRAGMA user_version = ${version + 1}; COMMIT`);
  }
  if (from === 0) db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  return from;
}
