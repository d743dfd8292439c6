import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DamagedFile, directoryInPlace } from "../../lib/damaged-file.ts";
import { secretBytes } from "../../lib/random.ts";
import { Serial } from "../../lib/serial.ts";

/**
 * Seals private files, so that they are worth nothing to who has them without the key. Guarantee: what `seal` gave for
 * a path, `open` gives back for the same path, or throws an error that says what is missing.
 */
export interface FileVault {
  /** Whether the files of this path belong to it. */
  covers(path: string): boolean;
  /** Whether they are to be sealed from now on; sealed ones are read in any case. */
  readonly sealing: boolean;
  /** Names the key that `seal` uses now. */
  readonly keyId: string;
  seal(text: string, path: string): { readonly key: string; readonly text: string };
  open(sealed: { readonly key: string; readonly text: string }, path: string): string;
}

/** What a sealed file begins with. */
const SEALED = '{"format":"podman-swarm-sealed","version":1,';

/**
 * A process has one data directory, and its private files are read in many places, some before and some after its key is
 * there: the vault is known here, and nowhere else, so that none of them can forget it.
 */
const vaults: FileVault[] = [];

/** Reads and writes what the vault covers through it from now on. */
export function useVault(vault: FileVault): void {
  vaults.unshift(vault);
}

/** Brings files in line with the vault that covers them: sealed with its present key, or open. */
export async function resealFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await writes.run(async () => {
      const raw = await readRaw(path);
      const vault = vaultOf(path);
      if (raw === undefined || vault === undefined) return;
      const inLine = vault.sealing
        ? raw.startsWith(SEALED) && sealedIn(raw, path).key === vault.keyId
        : !raw.startsWith(SEALED);
      if (!inLine) await replace(path, opened(raw, path));
    }, path);
  }
}

/** Of each file, by its path: who brings it in line must not undo what was written meanwhile. */
const writes = new Serial();

function vaultOf(path: string): FileVault | undefined {
  return vaults.find((vault) => vault.covers(path));
}

function sealed(content: string | Uint8Array, path: string): string | Uint8Array {
  const vault = vaultOf(path);
  if (!vault?.sealing) return content;
  const { key, text } = vault.seal(Buffer.from(content).toString("latin1"), path);
  return `${SEALED}${JSON.stringify({ key, text }).slice(1)}\n`;
}

function opened(raw: string, path: string): string {
  if (!raw.startsWith(SEALED)) return raw;
  const vault = vaultOf(path);
  if (!vault) {
    throw new DamagedFile(
      `Cannot read ${path}: it is locked, and can be read by the agent of its data directory only, with the passphrase`,
    );
  }
  return Buffer.from(vault.open(sealedIn(raw, path), path), "latin1").toString("utf8");
}

function sealedIn(raw: string, path: string): { readonly key: string; readonly text: string } {
  try {
    const { key, text } = JSON.parse(raw) as Record<string, unknown>;
    if (typeof key === "string" && typeof text === "string") return { key, text };
  } catch {
    // told below
  }
  throw new DamagedFile(`Cannot read ${path}: it is not whole; put back the file as it was`);
}

/** Makes a directory that only its owner may enter (0700), also where it exists with wider rights. */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}

/** Replaces a file as a whole (0600): after a crash it holds the old content or the new, on disk. */
export function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  return writes.run(() => replace(path, content), path);
}

async function replace(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${secretBytes(8).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(sealed(content, path));
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
  const raw = await readRaw(path);
  return raw === undefined ? undefined : opened(raw, path);
}

async function readRaw(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw directoryInPlace(path, error) ?? new Error(`Cannot read ${path}`, { cause: error });
  }
}
