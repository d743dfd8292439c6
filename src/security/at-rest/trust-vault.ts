import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { DataKeys } from "./data-keys.ts";
import { type FileVault, resealFiles, useVault } from "./private-file.ts";

/** Says only which CA a token named; psctl join reads it without a passphrase. */
const OPEN_FILES = ["joined.json"];

/**
 * The private keys of a data directory (`pki/`, but certificates) and the first API token: sealed with the data key
 * while that needs a passphrase, so that the directory alone is worth nothing; open where it needs none, since the key
 * lies beside them then.
 */
export class TrustVault implements FileVault {
  readonly #dataDir: string;
  readonly #keys: DataKeys;

  constructor(dataDir: string, keys: DataKeys) {
    this.#dataDir = dataDir;
    this.#keys = keys;
  }

  get sealing(): boolean {
    return this.#keys.locked;
  }

  get keyId(): string {
    return this.#keys.keyId;
  }

  covers(path: string): boolean {
    const name = this.#nameOf(path);
    if (name === "api-token") return true;
    return name.startsWith("pki/") && !name.endsWith(".crt") && !OPEN_FILES.some((open) => name === `pki/${open}`);
  }

  seal(text: string, path: string): { readonly key: string; readonly text: string } {
    return this.#keys.seal(text, this.#context(path));
  }

  open(sealed: { readonly key: string; readonly text: string }, path: string): string {
    return this.#keys.open(sealed, this.#context(path));
  }

  /** Reads and writes through this vault from now on, and brings all that is there in line with it. */
  async use(): Promise<void> {
    useVault(this);
    await this.reseal();
  }

  /** After the data key was locked, unlocked or replaced. */
  async reseal(): Promise<void> {
    const entries = await readdir(this.#dataDir, { withFileTypes: true });
    const directories = entries.filter(
      (entry) => entry.isDirectory() && this.#nameOf(join(this.#dataDir, entry.name, "x")) === "pki/x",
    );
    const lists = directories.map(({ name }) =>
      readdir(join(this.#dataDir, name), { recursive: true, withFileTypes: true }),
    );
    const found = (await Promise.all(lists)).flat();
    const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    await resealFiles([...files, join(this.#dataDir, "api-token")].filter((path) => this.covers(path)));
  }

  #context(path: string): string {
    return JSON.stringify(["file", this.#nameOf(path)]);
  }

  /** What a node that has left sets aside keeps its name: it was sealed under that. */
  #nameOf(path: string): string {
    return relative(this.#dataDir, path).replace(/^pki\.left-[^/]+\//, "pki/");
  }
}
