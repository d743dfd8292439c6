import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { DamagedFile } from "../lib/damaged-file.ts";

/** What the address book keeps. Times are wall clock milliseconds. */
export interface AddressRecord {
  /** uid to address. */
  readonly taken: Readonly<Record<string, string>>;
  /** Address to the time at which it was given back. */
  readonly released: Readonly<Record<string, number>>;
}

/** Keeps one record on disk: a save that has resolved survives a power cut, a broken one leaves the record before. */
export class AddressFile {
  readonly #path: string;
  constructor(path: string) {
    this.#path = path;
  }

  /** Empty when there is none yet. Rejects for a damaged file, which is never overwritten. */
  async load(): Promise<AddressRecord> {
    let text: string;
    try {
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { taken: {}, released: {} };
      throw error;
    }
    try {
      const { taken, released } = JSON.parse(text) as Partial<AddressRecord>;
      if (isTable(taken, "string") && isTable(released, "number")) return { taken, released };
      throw new Error("it lacks its two tables");
    } catch (cause) {
      throw new DamagedFile(
        `Cannot read the pod addresses from ${this.#path}: it is damaged; remove it after stopping all pods`,
        {
          cause,
        },
      );
    }
  }

  async save(record: AddressRecord): Promise<void> {
    const next = `${this.#path}.next`;
    const file = await open(next, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify(record));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, this.#path);
    const directory = await open(dirname(this.#path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function isTable<Of>(
  value: Readonly<Record<string, Of>> | undefined,
  of: "string" | "number",
): value is Readonly<Record<string, Of>> {
  return typeof value === "object" && value !== null && Object.values(value).every((item) => typeof item === of);
}
