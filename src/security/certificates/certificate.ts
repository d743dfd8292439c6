import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import { secretBytes } from "../../lib/random.ts";
import { bitString, boolean, context, integer, objectId, octetString, sequence, set, time, utf8String } from "./der.ts";

/**
 * X.509 v3 certificates (RFC 5280) signed with ECDSA P-256 and SHA-256 (RFC 5758). Written out here because the library
 * for it costs 130 ms and 21 MB at start (see docs/dependencies.md); reading and checking certificates is Node's own.
 */
export interface CertificateRequest {
  readonly commonName: string;
  /** Kubernetes reads a client's groups from here. */
  readonly organizations?: readonly string[];
  /** DNS names, IP addresses and URIs. */
  readonly altNames?: readonly string[];
  /** A node is both server and client to its peers. */
  readonly usage: "authority" | "server" | "client" | "node";
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface Signer {
  readonly key: KeyObject;
  /** DER of the subject of the signer's certificate. */
  readonly name: Buffer;
  readonly keyId: Buffer;
}

const OID = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  altNames: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Bits of KeyUsage: keyCertSign and cRLSign for an authority, digitalSignature for the others. */
const KEY_USAGE = { authority: { bits: 0x06, unused: 1 }, leaf: { bits: 0x80, unused: 7 } } as const;

const PURPOSES: Readonly<Record<"server" | "client" | "node", readonly string[]>> = {
  server: [OID.serverAuth],
  client: [OID.clientAuth],
  node: [OID.serverAuth, OID.clientAuth],
};

export function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

export function subjectName(commonName: string, organizations: readonly string[] = []): Buffer {
  const attribute = (oid: string, value: string): Buffer => set(sequence(objectId(oid), utf8String(value)));
  return sequence(
    ...organizations.map((name) => attribute(OID.organization, name)),
    attribute(OID.commonName, commonName),
  );
}

/** RFC 5280 4.2.1.2 method 1 asks for SHA-1 over the key; RFC 7093 allows this truncated SHA-256 instead. */
export function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha256").update(publicKeyInfo(key)).digest().subarray(0, 20);
}

/** DER (SPKI) of the public key. */
export function publicKeyInfo(key: KeyObject): Buffer {
  const open = key.type === "private" ? createPublicKey(key) : key;
  return open.export({ type: "spki", format: "der" });
}

/** Signs a certificate for `subject`'s key; without a signer it signs itself. PEM. */
export function issueCertificate(subject: KeyObject, request: CertificateRequest, signer?: Signer): string {
  const name = subjectName(request.commonName, request.organizations);
  const by = signer ?? { key: subject, name, keyId: keyIdentifier(subject) };
  const algorithm = sequence(objectId(OID.ecdsaWithSha256));
  const body = sequence(
    context(0, true, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm,
    by.name,
    sequence(time(request.notBefore), time(request.notAfter)),
    name,
    publicKeyInfo(subject),
    context(3, true, sequence(...extensions(subject, request, by))),
  );
  const signature = sign("sha256", body, { key: by.key, dsaEncoding: "der" });
  return pem("CERTIFICATE", sequence(body, algorithm, bitString(signature)));
}

/** 16 random bytes, positive and not zero (RFC 5280 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = secretBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(oid), ...(critical ? [boolean(true)] : []), octetString(value));
}

function extensions(subject: KeyObject, request: CertificateRequest, by: Signer): Buffer[] {
  const authority = request.usage === "authority";
  const usage = authority ? KEY_USAGE.authority : KEY_USAGE.leaf;
  const all = [
    extension(OID.basicConstraints, true, authority ? sequence(boolean(true)) : sequence()),
    extension(OID.keyUsage, true, bitString(Buffer.from([usage.bits]), usage.unused)),
    extension(OID.subjectKeyId, false, octetString(keyIdentifier(subject))),
    extension(OID.authorityKeyId, false, sequence(context(0, false, by.keyId))),
  ];
  if (request.usage !== "authority") {
    all.push(extension(OID.extendedKeyUsage, false, sequence(...PURPOSES[request.usage].map(objectId))));
  }
  if (request.altNames && request.altNames.length > 0) {
    all.push(extension(OID.altNames, false, sequence(...request.altNames.map(generalName))));
  }
  return all;
}

function generalName(name: string): Buffer {
  if (name.includes("://")) return context(6, false, Buffer.from(name, "ascii"));
  const version = isIP(name);
  if (version === 0) return context(2, false, Buffer.from(name, "ascii"));
  return context(7, false, version === 4 ? ipv4Bytes(name) : ipv6Bytes(name));
}

function ipv4Bytes(text: string): Buffer {
  return Buffer.from(text.split(".").map(Number));
}

function ipv6Bytes(text: string): Buffer {
  const bare = text.split("%")[0] ?? text;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  const hex =
    dotted?.[2] === undefined
      ? bare
      : `${dotted[1]}${ipv4Bytes(dotted[2])
          .toString("hex")
          .replace(/^(.{4})/, "$1:")}`;
  const [head = "", tail] = hex.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

export function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
