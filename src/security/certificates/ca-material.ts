import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { publicKeyInfo } from "./certificate.ts";

export interface KeyPair {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** A CA that signs no more, and is still believed. */
export interface TrustedCa {
  /** PEM. */
  readonly certificate: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /**
   * PEM: the key of the CA that came after this one, signed by this one. Shown together with what the new CA has signed,
   * it makes that believed by those who know only this one.
   */
  readonly successor: string;
}

/**
 * Everything about a cluster's CA that its members share. A CA is replaced in two steps, each of which every living
 * member has taken before the next: `stageCa` (all believe the new one), `activateCa` (all sign with it, and believe the
 * old one for a time). So at no moment does anyone meet a certificate that it does not believe.
 */
export interface CaMaterial {
  /** Stays when the CA is replaced: which cluster a certificate belongs to. 32 hex digits. */
  readonly clusterId: string;
  /** Goes up with each step: of two members the one with the higher number has what is right. */
  readonly generation: number;
  readonly signing: KeyPair;
  readonly staged?: KeyPair;
  /** The latest first. */
  readonly older: readonly TrustedCa[];
  /** While a CA that a thief may have is being replaced: its holders get no secrets, whatever they show. */
  readonly compromised?: true;
}

/** Each is one more certificate in every handshake. */
export const MOST_OLDER = 8;

/** The cluster that begins with this CA. */
export function firstMaterial(signing: KeyPair): CaMaterial {
  return { clusterId: fingerprint(signing.certificate).slice(0, 32), generation: 0, signing, older: [] };
}

/** SHA-256 of a certificate's DER in hex. */
export function fingerprint(certificate: string): string {
  return createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex");
}

/**
 * SHA-256 of a CA's public key (DER, SPKI) in hex: how a join token names it. Of the key and not of the certificate, so
 * that a CA is also known by what its predecessor has signed for it.
 */
export function caDigest(certificate: string): string {
  return createHash("sha256")
    .update(publicKeyInfo(new X509Certificate(certificate).publicKey))
    .digest("hex");
}

/** PEM of all CAs to believe now, the signing one first. */
export function trustedCas({ signing, staged, older }: CaMaterial, now: number): string[] {
  const good = older.filter(({ until }) => until > now);
  return [signing, ...(staged ? [staged] : []), ...good].map(({ certificate }) => certificate);
}

/** What leads from the signing CA back to those before it, the latest first, and the first of them at the end. */
export interface CrossChain {
  readonly successors: readonly string[];
  readonly root: string;
}

export function crossChain(material: CaMaterial, now: number): CrossChain {
  const { signing, older } = forgetOldCas(material, now);
  return {
    successors: older.map(({ successor }) => successor),
    root: older.at(-1)?.certificate ?? signing.certificate,
  };
}

/** `compromised`: nothing that was made before is of use, also no CA that is being brought in already. */
export function stageCa(material: CaMaterial, made: KeyPair, { compromised = false } = {}): CaMaterial {
  const { compromised: _, ...rest } = material;
  if (material.staged && !compromised) {
    throw new Error("Cannot make a new CA: another one is being brought in; activate it first");
  }
  const next = { ...rest, generation: material.generation + 1, staged: made };
  return compromised ? { ...next, compromised } : next;
}

/** When the last of those who rely on a CA that is believed until `until` will have gone. */
export function lastEnd({ older }: CaMaterial, until: number): number {
  return Math.max(until, ...older.map((one) => one.until));
}

export function activateCa(material: CaMaterial, old: Pick<TrustedCa, "until" | "successor">): CaMaterial {
  const { staged, signing, older, ...rest } = material;
  if (!staged) throw new Error("Cannot activate a new CA: none is being brought in");
  if (older.length >= MOST_OLDER && !material.compromised) {
    throw new Error(
      `Cannot activate a new CA: ${MOST_OLDER} older ones are believed still; wait for the end of one, or replace ` +
        "them all with --compromised",
    );
  }
  const before = { certificate: signing.certificate, ...old };
  return {
    ...rest,
    generation: material.generation + 1,
    signing: staged,
    older: [before, ...older].slice(0, MOST_OLDER),
  };
}

/** An old one stays while an older one lasts: it is a link between that and the signing one. */
export function forgetOldCas(material: CaMaterial, now: number): CaMaterial {
  const { older } = material;
  const kept = older.slice(0, older.findLastIndex(({ until }) => until > now) + 1);
  return kept.length === older.length ? material : { ...material, older: kept };
}

/** From now on only the signing CA is believed. */
export function distrustOldCas({ clusterId, generation, signing }: CaMaterial): CaMaterial {
  return { clusterId, generation: generation + 1, signing, older: [] };
}

/** What tells two states of a CA apart, without any secret. */
export interface CaState {
  readonly generation: number;
  /** Of which CAs it is. */
  readonly identity: string;
}

export function caState({ generation, signing, staged }: CaMaterial): CaState {
  const identity = [signing, ...(staged ? [staged] : [])].map(({ certificate }) => fingerprint(certificate)).join(" ");
  return { generation, identity };
}

/** Where the CA was replaced in two places apart from each other, all choose the same one in the end. */
export function isNewer(one: CaState, other: CaState): boolean {
  if (one.generation !== other.generation) return one.generation > other.generation;
  return one.identity > other.identity;
}

/** Reads what another member or a file says; throws an error that says what is wrong, without any of it. */
export function readMaterial(value: unknown): CaMaterial {
  if (!isRecord(value)) throw new Error("Cannot use the CA: it is not an object");
  const { clusterId, generation = 0, signing, staged, older = [], compromised } = value;
  if (typeof clusterId !== "string" || !/^[0-9a-f]{32}$/.test(clusterId)) {
    throw new Error("Cannot use the CA: it names no cluster");
  }
  if (typeof generation !== "number" || !Number.isSafeInteger(generation) || generation < 0) {
    throw new Error("Cannot use the CA: its generation is no number");
  }
  if (!Array.isArray(older) || older.length > MOST_OLDER) throw new Error("Cannot use the CA: its list of older ones");
  return {
    clusterId,
    generation,
    signing: readPair(signing),
    ...(staged === undefined ? {} : { staged: readPair(staged) }),
    older: older.map(readTrusted),
    ...(compromised === true ? { compromised } : {}),
  };
}

function readPair(value: unknown): KeyPair {
  if (!isRecord(value) || typeof value["certificate"] !== "string" || typeof value["key"] !== "string") {
    throw new Error("Cannot use the CA: it has no certificate or no key");
  }
  const { certificate, key } = value;
  const parsed = readCa(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) {
    throw new Error("Cannot use the CA: its key is not its certificate's");
  }
  return { certificate, key };
}

function readTrusted(value: unknown): TrustedCa {
  if (!isRecord(value)) throw new Error("Cannot use the CA: an older one");
  const { certificate, until, successor } = value;
  if (typeof certificate !== "string" || typeof until !== "number" || typeof successor !== "string") {
    throw new Error("Cannot use the CA: an older one");
  }
  if (!readCa(successor).verify(readCa(certificate).publicKey)) {
    throw new Error("Cannot use the CA: an older one has not signed its successor");
  }
  return { certificate, until, successor };
}

function readCa(certificate: string): X509Certificate {
  const parsed = new X509Certificate(certificate);
  if (!parsed.ca) throw new Error("Cannot use the CA: its certificate is not a CA's");
  return parsed;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
