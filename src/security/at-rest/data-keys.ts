import { createCipheriv, createDecipheriv, createHash, scrypt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { text as allOf } from "node:stream/consumers";
import type { Clock } from "../../lib/clock.ts";
import { timestamp } from "../../lib/clock.ts";
import { secretBytes } from "../../lib/random.ts";
import { type Sealed, SealError, type Sealer } from "../../store/sealer.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

/** What holds secrets, or the hashes of secrets. */
const COVERED: ReadonlySet<string> = new Set(["secrets", "apitokens.podman-swarm.io", "jointokens.podman-swarm.io"]);
const FORMAT = "podman-swarm-data-keys";
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 32 MB and about a tenth of a second for each guess (RFC 7914). */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 } as const;
const SHORTEST_PASSPHRASE = 8;

interface Content {
  readonly current: string;
  readonly keys: ReadonlyMap<string, { readonly key: Buffer; readonly madeAt: string }>;
}

export interface OpenDataKeys {
  readonly file: string;
  /** The keys without which the database cannot be read; a new file is made only where there are none. */
  readonly used: readonly string[];
  readonly clock: Clock;
  /** Unlocks the file; a file that is not locked yet is locked with it. */
  readonly passphraseFile?: string | undefined;
  /** With the passphrase: leaves the file open, for good. */
  readonly unlock?: boolean;
}

/**
 * The keys (AES-256-GCM) that encrypt what is secret in the database and its backups, in a file of their own (0600).
 * Whoever has only the database, or only a backup, reads no secret.
 */
export class DataKeys implements Sealer {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #passphrase: string | undefined;
  #content: Content;

  /** Every refusal is a SealError that names the file. */
  static async open({ file, used, clock, passphraseFile, unlock = false }: OpenDataKeys): Promise<DataKeys> {
    const passphrase = passphraseFile === undefined ? undefined : await readPassphrase(passphraseFile);
    const text = await readPrivateFile(file);
    if (text === undefined && used.length > 0) {
      throw new SealError(
        `its secrets are encrypted, and the data key is missing: put ${file} back. Without that file they cannot be ` +
          "read by anyone",
      );
    }
    const { content, locked } =
      text === undefined ? { content: newContent(clock), locked: false } : await read(text, { file, passphrase });
    const keys = new DataKeys({ file, clock, passphrase: unlock ? undefined : passphrase }, content);
    const absent = used.find((id) => !content.keys.has(id));
    if (absent !== undefined) throw keys.#unknown(absent);
    if (text === undefined || locked !== keys.locked) await keys.#save(content);
    return keys;
  }

  private constructor(
    { file, clock, passphrase }: { file: string; clock: Clock; passphrase: string | undefined },
    content: Content,
  ) {
    this.#file = file;
    this.#clock = clock;
    this.#passphrase = passphrase;
    this.#content = content;
  }

  get keyId(): string {
    return this.#content.current;
  }

  /** All keys, the current one too. */
  get keyIds(): readonly string[] {
    return [...this.#content.keys.keys()];
  }

  /** Whether the file needs a passphrase, and with it all that this key seals. */
  get locked(): boolean {
    return this.#passphrase !== undefined;
  }

  covers(resource: string): boolean {
    return COVERED.has(resource);
  }

  seal(text: string, context: string): Sealed {
    const nonce = secretBytes(NONCE_BYTES);
    return { key: this.keyId, text: encrypt(this.#key(this.keyId), nonce, { text, context }).toString("base64") };
  }

  open({ key, text }: Sealed, context: string): string {
    const opened = decrypt(this.#key(key), Buffer.from(text, "base64"), context);
    if (opened === undefined) {
      throw new SealError(`${context} is not what was encrypted with the data key ${key} of ${this.#file}`);
    }
    return opened;
  }

  /** Seals with a new key from now on. The older ones stay until `forgetOlder`. */
  async rotate(): Promise<void> {
    const made = newContent(this.#clock);
    await this.#save({ current: made.current, keys: new Map([...this.#content.keys, ...made.keys]) });
  }

  /** Removes all keys but the current one: nothing may be sealed with them any more. */
  async forgetOlder(): Promise<void> {
    const { current, keys } = this.#content;
    await this.#save({ current, keys: new Map([...keys].filter(([id]) => id === current)) });
  }

  async #save(content: Content): Promise<void> {
    await writePrivateFile(this.#file, await write(content, this.#passphrase));
    this.#content = content;
  }

  #key(id: string): Buffer {
    const found = this.#content.keys.get(id);
    if (!found) throw this.#unknown(id);
    return found.key;
  }

  #unknown(id: string): SealError {
    return new SealError(
      `its secrets are encrypted with the data key ${id}, which ${this.#file} does not hold: put back the file that ` +
        "belongs to it",
    );
  }
}

function newContent(clock: Clock): Content {
  const key = secretBytes(KEY_BYTES);
  return { current: idOf(key), keys: new Map([[idOf(key), { key, madeAt: timestamp(clock.now()) }]]) };
}

/** A key's name tells whether the key is whole. */
function idOf(key: Buffer): string {
  return createHash("sha256").update("podman-swarm data key").update(key).digest("hex").slice(0, 16);
}

/** Nonce, ciphertext, tag. */
function encrypt(key: Buffer, nonce: Buffer, { text, context }: { text: string; context: string }): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined for what was not encrypted so. */
function decrypt(key: Buffer, bytes: Buffer, context: string): string | undefined {
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const [nonce, tag] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(-TAG_BYTES)];
  const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context));
  cipher.setAuthTag(tag);
  try {
    return Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()]).toString("utf8");
  } catch {
    return undefined; // the tag does not fit
  }
}

/** What stands for the standard input among files. */
export const STANDARD_INPUT = "-";

async function readPassphrase(file: string): Promise<string> {
  let text: string;
  try {
    text = file === STANDARD_INPUT ? await allOf(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new SealError(`the unlock passphrase cannot be read from ${file}`, { cause: error });
  }
  const passphrase = text.replace(/\r?\n$/, "");
  if (passphrase.length < SHORTEST_PASSPHRASE) {
    throw new SealError(
      `the unlock passphrase${file === STANDARD_INPUT ? "" : ` in ${file}`} must have at least ${SHORTEST_PASSPHRASE} characters`,
    );
  }
  return passphrase;
}

function stretch(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, KEY_BYTES, SCRYPT, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

async function write({ current, keys }: Content, passphrase: string | undefined): Promise<string> {
  const plain = {
    current,
    keys: Object.fromEntries([...keys].map(([id, { key, madeAt }]) => [id, { key: key.toString("base64"), madeAt }])),
  };
  const head = { format: FORMAT, version: 1 };
  if (passphrase === undefined) return `${JSON.stringify({ ...head, ...plain }, undefined, 2)}\n`;
  const salt = secretBytes(16);
  const sealed = encrypt(await stretch(passphrase, salt), secretBytes(NONCE_BYTES), {
    text: JSON.stringify(plain),
    context: FORMAT,
  });
  const locked = { kdf: "scrypt", salt: salt.toString("base64"), text: sealed.toString("base64") };
  return `${JSON.stringify({ ...head, locked }, undefined, 2)}\n`;
}

async function read(
  text: string,
  { file, passphrase }: { file: string; passphrase: string | undefined },
): Promise<{ content: Content; locked: boolean }> {
  const found = parse(text);
  if (found?.["format"] !== FORMAT || found["version"] !== 1) {
    throw new SealError(`the data key ${file} is damaged or of a newer program: put back the file as it was`);
  }
  const locked = found["locked"];
  if (!isRecord(locked)) return { content: contentOf(found, file), locked: false };
  if (passphrase === undefined) {
    throw new SealError(
      `the data key ${file} is locked: give its passphrase with --unlock-passphrase-file, or start the agent at a terminal, where it asks`,
    );
  }
  const salt = Buffer.from(String(locked["salt"]), "base64");
  const opened = decrypt(await stretch(passphrase, salt), Buffer.from(String(locked["text"]), "base64"), FORMAT);
  if (opened === undefined) throw new SealError(`the data key ${file} is locked, and the passphrase is not its own`);
  return { content: contentOf(parse(opened), file), locked: true };
}

function contentOf(found: Record<string, unknown> | undefined, file: string): Content {
  const { current, keys } = found ?? {};
  const all = new Map<string, { key: Buffer; madeAt: string }>();
  for (const [id, value] of isRecord(keys) ? Object.entries(keys) : []) {
    const key = Buffer.from(isRecord(value) ? String(value["key"]) : "", "base64");
    if (key.length !== KEY_BYTES || idOf(key) !== id) {
      throw new SealError(`the data key ${id} in ${file} is damaged: put back the file as it was`);
    }
    all.set(id, { key, madeAt: isRecord(value) ? String(value["madeAt"]) : "" });
  }
  if (typeof current !== "string" || !all.has(current)) {
    throw new SealError(`the data key ${file} is damaged: put back the file as it was`);
  }
  return { current, keys: all };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const found: unknown = JSON.parse(text);
    return isRecord(found) ? found : undefined;
  } catch {
    return undefined; // told as damaged
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
