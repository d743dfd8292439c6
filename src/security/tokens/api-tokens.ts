import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError, isReason } from "../../api/api-error.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { type Clock, timestamp } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import { secretBytes } from "../../lib/random.ts";
import type { Key, Store } from "../../store/port.ts";
import { readPrivateFile, writePrivateFile } from "../at-rest/private-file.ts";

/** No kind of the API: tokens are reached by their own endpoints only, never by reading objects. */
const RESOURCE = "apitokens.podman-swarm.io";
const FIRST = "admin";
const TOKEN = /^psw_([0-9a-f]{10})_[A-Za-z0-9_-]{43}$/;
/** A token that a user chose must not be guessable. */
const SHORTEST_CHOSEN = 16;
const REMOVE_EVERY_MS = 3_600_000;

interface TokenSpec {
  readonly name: string;
  /** SHA-256 of the token in hex. The tokens that we make hold 256 random bits, so that no slow hash is needed. */
  readonly hash: string;
  /** Milliseconds since the epoch; absent for a token that does not expire. */
  readonly expires?: number;
}

/** A token without its secret. */
export interface TokenInfo {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly expiresAt: string | undefined;
}

export interface ApiTokensDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Bearer tokens, stored as hashes: a secret is shown once, when it is made. */
export class ApiTokens {
  readonly #deps: ApiTokensDeps;

  constructor(deps: ApiTokensDeps) {
    this.#deps = deps;
  }

  /** `expiresIn` in seconds; 0 never expires. */
  async create(name: string, expiresIn: number): Promise<TokenInfo & { readonly token: string }> {
    const id = secretBytes(5).toString("hex");
    const token = `psw_${id}_${secretBytes(32).toString("base64url")}`;
    const expires = expiresIn > 0 ? { expires: this.#deps.clock.now() + expiresIn * 1000 } : {};
    const info = await this.#store(id, { name, hash: digest(token).toString("hex"), ...expires });
    return { ...info, token };
  }

  list(): TokenInfo[] {
    return this.#deps.store.list(RESOURCE).entries.map(({ object }) => infoOf(object));
  }

  /** NotFound where there is none. */
  async remove(id: string): Promise<void> {
    try {
      await this.#deps.store.delete(keyOf(id));
    } catch (error) {
      throw isReason(error, "NotFound")
        ? new ApiError("NotFound", `Cannot delete the token ${JSON.stringify(id)}: there is none`)
        : error;
    }
  }

  /** The token that a bearer shows, if it is one and still good. Takes the same time wherever a secret differs. */
  verify(token: string): TokenInfo | undefined {
    const id = TOKEN.exec(token)?.[1];
    const object =
      (id === undefined ? undefined : this.#deps.store.get(keyOf(id))?.object) ??
      this.#deps.store.get(keyOf(FIRST))?.object;
    if (!object) return undefined;
    const { hash, expires } = specOf(object);
    if (!timingSafeEqual(digest(token), Buffer.from(hash, "hex"))) return undefined;
    return expires !== undefined && expires <= this.#deps.clock.now() ? undefined : infoOf(object);
  }

  /**
   * Sees to the first admin token: the one that the user chose, or one that is made at the first start and written to
   * `file` (0600). Gives the file's path where it was written.
   */
  async ensureFirst({
    chosen,
    file,
  }: {
    readonly chosen?: string | undefined;
    readonly file: string;
  }): Promise<string | undefined> {
    const known = this.#deps.store.get(keyOf(FIRST));
    if (chosen !== undefined) {
      if (chosen.length < SHORTEST_CHOSEN) {
        throw new Error(`Cannot use the API token: it must have at least ${SHORTEST_CHOSEN} characters`);
      }
      const hash = digest(chosen).toString("hex");
      if (known && specOf(known.object).hash === hash) return undefined;
      if (known) await this.#deps.store.delete(known.key, { uid: known.uid });
      await this.#store(FIRST, { name: FIRST, hash });
      return undefined;
    }
    if (known) return undefined;
    // A file without its record is what a crash between the two leaves, or the owner's own after the state was lost.
    const kept = (await readPrivateFile(file))?.trim();
    const token = kept !== undefined && kept.length >= SHORTEST_CHOSEN ? kept : secretBytes(32).toString("base64url");
    if (token !== kept) await writePrivateFile(file, `${token}\n`);
    await this.#store(FIRST, { name: FIRST, hash: digest(token).toString("hex") });
    return file;
  }

  /** Revokes all tokens at once, and writes a new first one to `file` (0600). Gives how many were revoked. */
  async replaceAll(file: string): Promise<number> {
    const { entries } = this.#deps.store.list(RESOURCE);
    for (const { key, uid } of entries) {
      await this.#deps.store.delete(key, { uid }).catch((error: unknown) => {
        if (!isReason(error, "NotFound")) throw error; // another member does the same
      });
    }
    const token = secretBytes(32).toString("base64url");
    // The file goes first: where there is no record of a token, the file's is taken at the next start.
    await writePrivateFile(file, `${token}\n`);
    await this.#store(FIRST, { name: FIRST, hash: digest(token).toString("hex") });
    return entries.length;
  }

  /** Removes expired tokens every hour. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      try {
        await this.removeExpired();
      } catch (error) {
        // Expired tokens are refused anyway; the next round tries again.
        log.error("cannot remove expired tokens", { error: describeError(error) });
      }
      await pause(clock, REMOVE_EVERY_MS, signal);
    }
  }

  async removeExpired(): Promise<void> {
    const { store, clock, log } = this.#deps;
    for (const { key, uid, object } of store.list(RESOURCE).entries) {
      const { expires, name } = specOf(object);
      if (expires === undefined || expires > clock.now()) continue;
      await store.delete(key, { uid });
      log.info("removed an expired token", { id: key.name, name });
    }
  }

  async #store(id: string, spec: TokenSpec): Promise<TokenInfo> {
    const { store, clock } = this.#deps;
    const object: KubeObject & { spec: TokenSpec } = {
      apiVersion: "podman-swarm.io/v1",
      kind: "ApiToken",
      metadata: { name: id, creationTimestamp: timestamp(clock.now()), uid: secretBytes(16).toString("hex") },
      spec,
    };
    return infoOf((await store.create(keyOf(id), object)).object);
  }
}

function keyOf(id: string): Key {
  return { resource: RESOURCE, namespace: "", name: id };
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function specOf(object: KubeObject): TokenSpec {
  return object["spec"] as TokenSpec;
}

function infoOf(object: KubeObject): TokenInfo {
  const { name, expires } = specOf(object);
  const { name: id = "", creationTimestamp = "" } = object.metadata;
  return { id, name, createdAt: creationTimestamp, expiresAt: expires === undefined ? undefined : timestamp(expires) };
}
