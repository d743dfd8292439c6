import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../lib/log.ts";
import { listBackups, writeFileAtomically } from "./backup-files.ts";
import type { Sealer } from "../sealer.ts";
import { BACKUP_DIRECTORY, DATABASE_NAME, IMPORT_NAME, type SqliteDisk } from "../disk/sqlite-disk.ts";
import { resealStateFile } from "./state-file.ts";

export interface SealFilesDeps {
  readonly dataDir: string;
  readonly sealer: Sealer;
  readonly logger: Logger;
}

/** Seals the secrets of one backup or export with the current key. */
export async function sealStateFile(file: string, sealer: Sealer): Promise<void> {
  const sealed = resealStateFile(await readFile(file, "utf8"), sealer);
  if (sealed !== undefined) await writeFileAtomically(file, [sealed]);
}

/**
 * Seals all backups and all exports that were imported. A file that cannot be read stays, and is told of; gives whether
 * there was none.
 */
export async function sealStateFiles({ dataDir, sealer, logger }: SealFilesDeps): Promise<boolean> {
  const backups = join(dataDir, BACKUP_DIRECTORY);
  const imported = (await readdir(dataDir)).filter((name) => name.startsWith(`${IMPORT_NAME}.imported-`));
  const files = [
    ...(await listBackups(backups)).map((name) => join(backups, name)),
    ...imported.map((name) => join(dataDir, name)),
  ];
  let all = true;
  for (const file of files) {
    try {
      await sealStateFile(file, sealer);
    } catch (error) {
      all = false;
      logger.warn("cannot encrypt the secrets of this file; remove it if it is not needed", { file, error });
    }
  }
  return all;
}

/**
 * Seals what is plain or sealed by an older key. The first time it also removes every plain trace: what replaced rows
 * have left in the database, the secrets of backups, and the copies of databases from before.
 */
export async function sealDataDirectory(disk: SqliteDisk, { dataDir, sealer, logger }: SealFilesDeps): Promise<void> {
  await disk.reseal();
  if (!disk.mayHoldPlain) return;
  await sealStateFiles({ dataDir, sealer, logger });
  for (const name of await readdir(dataDir)) {
    if (/^\.v\d+$/.test(name.slice(DATABASE_NAME.length)) && name.startsWith(DATABASE_NAME)) {
      await rm(join(dataDir, name));
      logger.info("removed the copy of an older database: it held secrets in plain text", { file: name });
    }
  }
  await disk.scrub();
}
