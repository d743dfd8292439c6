import { createPublicKey, verify } from "node:crypto";
import { ApiError, isReason } from "../../api/api-error.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { type Clock, timestamp } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import { secretBytes } from "../../lib/random.ts";
import type { Entry, Key, Register, Store } from "../../store/port.ts";
import { formatJoinToken, makeJoinToken, verifierOf } from "./join-token.ts";

/** No kind of the API: reached by endpoints of its own only. */
const RESOURCE = "jointokens.podman-swarm.io";
const DAY_MS = 86_400_000;
/** For so long a token that is of no use any more can still tell why. */
const REMEMBER_MS = 7 * DAY_MS;
/** Two nodes that take the last use at once: one of them looks again. */
const ATTEMPTS = 8;

interface TokenSpec {
  readonly name: string;
  /** DER of the public key (SPKI) in base64 that checks proofs of the secret. */
  readonly verifier: string;
  /** Of the CA whose digest the token carries. */
  readonly caDigest: string;
  /** Milliseconds since the epoch. */
  readonly expires?: number;
  readonly uses?: number;
  /** The node that counts the uses, for a token that has a count. */
  readonly issuer: string;
  readonly revoked?: number;
}

/** Apart from the rest, which others change: written by the issuer only, so that no merge loses a use. */
interface TokenStatus {
  /** Digests of the keys of those who have joined with it, for a token that has a count. */
  readonly usedBy?: readonly string[];
}

/** A join token without its secret. */
export interface JoinTokenInfo {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly expiresAt: string | undefined;
  /** How often it may still be used; undefined for any number of times. */
  readonly usesLeft: number | undefined;
  readonly state: "usable" | "expired" | "revoked" | "used up";
}

export interface JoinTokenRequest {
  readonly name: string;
  /** Seconds; 0 never expires. */
  readonly expiresIn?: number;
  /** 0 for any number of times. */
  readonly uses?: number;
}

export type TokenRefusal = "WrongToken" | "TokenExpired" | "TokenRevoked" | "TokenUsedUp" | "TokenOfOtherNode";

export interface TokenProof {
  readonly id: string;
  /** What was signed. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export type TokenVerdict = { readonly token: string } | { readonly refusal: TokenRefusal; readonly message: string };

export interface JoinTokensDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly nodeName: string;
  /** The digest of the CA that tokens are made for. */
  readonly caDigest: () => string;
  /** Redeems at the node that counts the uses; rejects where it cannot be reached. */
  readonly redeemAt?: (issuer: string, proof: TokenProof, user: string) => Promise<TokenVerdict>;
}

/** Tokens that let nodes join. The secret is shown once; what is kept only checks proofs. */
export class JoinTokens {
  readonly #deps: JoinTokensDeps;

  constructor(deps: JoinTokensDeps) {
    this.#deps = deps;
  }

  async create({
    name,
    expiresIn = 0,
    uses = 0,
  }: JoinTokenRequest): Promise<JoinTokenInfo & { readonly token: string }> {
    const { store, clock, nodeName, caDigest } = this.#deps;
    const made = makeJoinToken(caDigest());
    const spec: TokenSpec = {
      name,
      verifier: verifierOf(made),
      caDigest: made.caDigest,
      issuer: nodeName,
      ...(expiresIn > 0 ? { expires: clock.now() + expiresIn * 1000 } : {}),
      ...(uses > 0 ? { uses } : {}),
    };
    const object: KubeObject & { spec: TokenSpec } = {
      apiVersion: "podman-swarm.io/v1",
      kind: "JoinToken",
      metadata: { name: made.id, creationTimestamp: timestamp(clock.now()), uid: secretBytes(16).toString("hex") },
      spec,
    };
    const entry = await store.create(keyOf(made.id), object);
    return { ...this.#info(entry), token: formatJoinToken(made) };
  }

  list(): JoinTokenInfo[] {
    return this.#deps.store.list(RESOURCE).entries.map((entry) => this.#info(entry));
  }

  /** From now on it is refused, and says why. NotFound where there is none. */
  async revoke(id: string): Promise<JoinTokenInfo> {
    const now = this.#deps.clock.now();
    return this.#info(
      await this.#change(id, "revoke", (spec) => (spec.revoked === undefined ? { ...spec, revoked: now } : spec)),
    );
  }

  /** Makes a token with the same name and limits, and revokes the old one. What is left of its time stays. */
  async rotate(id: string): Promise<JoinTokenInfo & { readonly token: string }> {
    const entry = this.#deps.store.get(keyOf(id));
    if (!entry) throw missing(id, "rotate");
    const { name, expires, uses } = specOf(entry.object);
    const usedBy = usedByOf(entry.object);
    const info = this.#info(entry);
    if (info.state !== "usable")
      throw new ApiError("Conflict", `Cannot rotate the join token "${id}": it is ${info.state}`);
    const seconds = expires === undefined ? 0 : Math.max(1, Math.ceil((expires - this.#deps.clock.now()) / 1000));
    const made = await this.create({ name, expiresIn: seconds, uses: uses === undefined ? 0 : uses - usedBy.length });
    await this.revoke(id);
    return made;
  }

  /** Whether a proof would be good now, without a use of it. Only who has proved the secret hears why it is not. */
  check(proof: TokenProof, user?: string): TokenVerdict {
    const entry = this.#deps.store.get(keyOf(proof.id));
    if (!entry || !proves(specOf(entry.object), proof)) {
      return refuse("WrongToken", "the join token is not known here: print one on a member with psctl token create");
    }
    const { expires = 0, uses } = specOf(entry.object);
    const { state } = this.#info(entry);
    if (state === "revoked") return refuse("TokenRevoked", "the join token was revoked");
    if (state === "expired") return refuse("TokenExpired", `the join token expired at ${timestamp(expires)}`);
    if (uses === undefined || (user !== undefined && usedByOf(entry.object).includes(user))) return { token: proof.id };
    if (state === "used up" && user !== undefined) {
      return refuse("TokenUsedUp", `the join token was used ${uses} times, as often as it may be`);
    }
    return { token: proof.id };
  }

  /**
   * Checks a proof and counts the use, at the node that has made the token. The same `user` (the digest of its key) may
   * come again after a connection that broke, without a second use.
   */
  async redeem(proof: TokenProof, user: string): Promise<TokenVerdict> {
    const verdict = await this.#count(proof, user);
    // Counting takes a while, in which the token may have been revoked.
    return "refusal" in verdict ? verdict : this.check(proof);
  }

  async #count(proof: TokenProof, user: string): Promise<TokenVerdict> {
    for (let attempt = 1; ; attempt += 1) {
      const verdict = this.check(proof, user);
      const entry = this.#deps.store.get(keyOf(proof.id));
      if ("refusal" in verdict || !entry) return verdict;
      const { uses, issuer } = specOf(entry.object);
      const usedBy = usedByOf(entry.object);
      if (uses === undefined || usedBy.includes(user)) return verdict;
      if (issuer !== this.#deps.nodeName) return await this.#redeemElsewhere(issuer, proof, user);
      const object = { ...entry.object, status: { usedBy: [...usedBy, user] } satisfies TokenStatus };
      if (await this.#replaced(entry, { object, register: "status" }, attempt)) return verdict;
    }
  }

  /** What another member asks, to whom somebody came with a token of this node. Never passed on. */
  async redeemForMember(proof: TokenProof, user: string): Promise<TokenVerdict> {
    const entry = this.#deps.store.get(keyOf(proof.id));
    const issuer = entry && specOf(entry.object).issuer;
    if (issuer !== undefined && issuer !== this.#deps.nodeName) {
      return refuse("TokenOfOtherNode", `the uses of the join token are counted by the node ${issuer}`);
    }
    return await this.redeem(proof, user);
  }

  async #redeemElsewhere(issuer: string, proof: TokenProof, user: string): Promise<TokenVerdict> {
    const { redeemAt } = this.#deps;
    const counted = `the uses of the join token are counted by the node ${issuer}`;
    if (!redeemAt) return refuse("TokenOfOtherNode", `${counted}: join there`);
    try {
      return await redeemAt(issuer, proof, user);
    } catch (error) {
      const why = `${counted}, which cannot be asked (${describeError(error)})`;
      return refuse("TokenOfOtherNode", `${why}: try again when it is back, or make another token on this member`);
    }
  }

  /** Removes what has been of no use for a week. */
  async removeOld(): Promise<void> {
    const { store, clock } = this.#deps;
    for (const { key, uid, object } of store.list(RESOURCE).entries) {
      const { expires, revoked } = specOf(object);
      const ended = Math.min(expires ?? Infinity, revoked ?? Infinity);
      if (ended + REMEMBER_MS <= clock.now()) await store.delete(key, { uid });
    }
  }

  async #change(id: string, verb: string, next: (spec: TokenSpec) => TokenSpec): Promise<Entry> {
    for (let attempt = 1; ; attempt += 1) {
      const entry = this.#deps.store.get(keyOf(id));
      if (!entry) throw missing(id, verb);
      const object = { ...entry.object, spec: next(specOf(entry.object)) };
      const changed = await this.#replaced(entry, { object, register: "main" }, attempt);
      if (changed) return changed;
    }
  }

  /** Undefined where somebody else was faster. */
  async #replaced(
    entry: Entry,
    { object, register }: { readonly object: KubeObject; readonly register: Register },
    attempt: number,
  ): Promise<Entry | undefined> {
    const { resourceVersion, uid } = entry;
    try {
      return await this.#deps.store.update(entry.key, object, { register, resourceVersion, uid });
    } catch (error) {
      if (!isReason(error, "Conflict") || attempt >= ATTEMPTS) throw error;
      return undefined;
    }
  }

  #info({ object }: Entry): JoinTokenInfo {
    const { name, expires, uses, revoked } = specOf(object);
    const usedBy = usedByOf(object);
    const { name: id = "", creationTimestamp = "" } = object.metadata;
    const usesLeft = uses === undefined ? undefined : Math.max(0, uses - usedBy.length);
    const expired = expires !== undefined && expires <= this.#deps.clock.now();
    const state = revoked !== undefined ? "revoked" : expired ? "expired" : usesLeft === 0 ? "used up" : "usable";
    const expiresAt = expires === undefined ? undefined : timestamp(expires);
    return { id, name, createdAt: creationTimestamp, expiresAt, usesLeft, state };
  }
}

/** A signature is checked with public values only: its time tells nothing of the secret. */
function proves({ verifier }: TokenSpec, { message, signature }: TokenProof): boolean {
  const key = createPublicKey({ key: Buffer.from(verifier, "base64"), format: "der", type: "spki" });
  return verify(null, message, key, signature);
}

function refuse(refusal: TokenRefusal, message: string): TokenVerdict {
  return { refusal, message };
}

function missing(id: string, verb: string): ApiError {
  return new ApiError("NotFound", `Cannot ${verb} the join token ${JSON.stringify(id)}: there is none`);
}

function keyOf(id: string): Key {
  return { resource: RESOURCE, namespace: "", name: id };
}

function usedByOf(object: KubeObject): readonly string[] {
  return ((object["status"] ?? {}) as TokenStatus).usedBy ?? [];
}

function specOf(object: KubeObject): TokenSpec {
  return object["spec"] as TokenSpec;
}
