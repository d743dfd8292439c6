import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const NAME = /^state-backup-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)\.json$/;
/** One write to the file for about this much text. */
const CHUNK_LENGTH = 2 ** 18;

/** Names in UTC, so that they sort by time. */
export function backupName(ms: number): string {
  const [date = "", time = ""] = new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").split("T");
  return `state-backup-${date}-${time}.json`;
}

/** Milliseconds since the Unix epoch; undefined for a file that is not a backup. */
export function backupTime(name: string): number | undefined {
  const parts = NAME.exec(name)?.slice(1).map(Number);
  if (!parts) return undefined;
  const [year = 0, month = 1, day = 0, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Oldest first. A directory that is missing has none. */
export async function listBackups(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => NAME.test(name)).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Removes all but the newest `keep`. */
export async function keepBackups(directory: string, keep: number): Promise<void> {
  const names = await listBackups(directory);
  for (const name of names.slice(0, Math.max(0, names.length - keep))) await rm(join(directory, name));
}

/** Writes a file that is whole or not there, also after a power cut. */
export async function writeFileAtomically(file: string, pieces: Iterable<string>): Promise<void> {
  const directory = join(file, "..");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const part = `${file}.part`;
  try {
    await using handle = await open(part, "w", 0o600);
    let text = "";
    for (const piece of pieces) {
      text += piece;
      if (text.length < CHUNK_LENGTH) continue;
      await handle.writeFile(text);
      text = "";
    }
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await rename(part, file);
  await using parent = await open(directory, "r");
  await parent.sync();
}
