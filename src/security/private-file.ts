import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { directoryInPlace } from "../lib/damaged-file.ts";
import { secretBytes } from "../lib/random.ts";

/** Makes a directory that only its owner may enter (0700), also where it exists with wider rights. */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}

/** Replaces a file as a whole (0600): after a crash it holds the old content or the new, on disk. */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${secretBytes(8).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw directoryInPlace(path, error) ?? new Error(`Cannot write ${path}`, { cause: error });
  }
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** JSON that holds secrets: the parser's own errors show parts of the text. */
export function parsePrivateJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
}

/** The file's text, or undefined where there is none. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw directoryInPlace(path, error) ?? new Error(`Cannot read ${path}`, { cause: error });
  }
}
