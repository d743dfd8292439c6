import { createHash, createPrivateKey, X509Certificate } from "node:crypto";

export interface KeyPair {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** A CA that no longer signs, or does not yet, and is believed. */
export interface TrustedCa {
  /** PEM. */
  readonly certificate: string;
  /** Milliseconds since the epoch; undefined while it is a successor that waits. */
  readonly until?: number;
}

/**
 * Everything about a cluster's CA that its members share. A CA is replaced in three steps, each of which every member
 * must have taken before the next: `stageCa` (all believe the new one), `activateCa` (all sign with it, and believe
 * the old one for a time), `forgetOldCas`. So at no moment does anyone meet a certificate that it does not believe.
 */
export interface CaMaterial {
  /** Stays when the CA is replaced: which cluster a certificate belongs to. 32 hex digits. */
  readonly clusterId: string;
  readonly signing: KeyPair;
  readonly staged?: KeyPair;
  readonly older: readonly TrustedCa[];
}

/** The cluster that begins with this CA. */
export function firstMaterial(signing: KeyPair): CaMaterial {
  return { clusterId: caDigest(signing.certificate).slice(0, 32), signing, older: [] };
}

/** SHA-256 of a certificate's DER in hex: how a join token names a CA. */
export function caDigest(certificate: string): string {
  return createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex");
}

/** PEM of all CAs to believe now, the signing one first. */
export function trustedCas({ signing, staged, older }: CaMaterial, now: number): string[] {
  const good = older.filter(({ until }) => until === undefined || until > now);
  return [signing, ...(staged ? [staged] : []), ...good].map(({ certificate }) => certificate);
}

export function stageCa(material: CaMaterial, made: KeyPair): CaMaterial {
  if (material.staged) throw new Error("Cannot make a new CA: another one is being brought in; activate it first");
  return { ...material, staged: made };
}

/** `until`: when the last certificate of the old CA will have been renewed. */
export function activateCa(material: CaMaterial, until: number): CaMaterial {
  const { clusterId, signing, staged, older } = material;
  if (!staged) throw new Error("Cannot activate a new CA: none is being brought in");
  return { clusterId, signing: staged, older: [{ certificate: signing.certificate, until }, ...older] };
}

export function forgetOldCas(material: CaMaterial, now: number): CaMaterial {
  const older = material.older.filter(({ until }) => until === undefined || until > now);
  return older.length === material.older.length ? material : { ...material, older };
}

/** Reads what another member or a file says; throws an error that says what is wrong, without any of it. */
export function readMaterial(value: unknown): CaMaterial {
  if (!isRecord(value)) throw new Error("Cannot use the CA: it is not an object");
  const { clusterId, signing, staged, older = [] } = value;
  if (typeof clusterId !== "string" || !/^[0-9a-f]{32}$/.test(clusterId)) {
    throw new Error("Cannot use the CA: it names no cluster");
  }
  if (!Array.isArray(older) || older.length > MOST_OLDER) throw new Error("Cannot use the CA: its list of older ones");
  return {
    clusterId,
    signing: readPair(signing),
    ...(staged === undefined ? {} : { staged: readPair(staged) }),
    older: older.map(readTrusted),
  };
}

const MOST_OLDER = 16;

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
  if (!isRecord(value) || typeof value["certificate"] !== "string") throw new Error("Cannot use the CA: an older one");
  const { certificate, until } = value;
  readCa(certificate);
  return typeof until === "number" ? { certificate, until } : { certificate };
}

function readCa(certificate: string): X509Certificate {
  const parsed = new X509Certificate(certificate);
  if (!parsed.ca) throw new Error("Cannot use the CA: its certificate is not a CA's");
  return parsed;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
