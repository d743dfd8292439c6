import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { DamagedFile } from "../lib/damaged-file.ts";
import {
  activateCa,
  type CaMaterial,
  caDigest,
  firstMaterial,
  forgetOldCas,
  type KeyPair,
  readMaterial,
  stageCa,
  trustedCas,
} from "./ca-material.ts";
import { issueCertificate, keyIdentifier, keyPem, newKey, type Signer, subjectName } from "./certificate.ts";
import { ensurePrivateDirectory, parsePrivateJson, readPrivateFile, writePrivateFile } from "./private-file.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Certificates begin a little in the past, for hosts whose clock is behind. */
export const BACKDATE_MS = 3_600_000;
const AUTHORITY_NAME = "podman-swarm-ca";

export interface CertificateOrder {
  readonly usage: "server" | "client" | "node";
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly altNames?: readonly string[];
  readonly days: number;
}

interface AuthorityFiles {
  /** Of the CA that signs, for people. */
  readonly certificate: string;
  /** The first CA's key; moves into `material` with the first change. */
  readonly key: string;
  /** All of it, from the first change on. */
  readonly material: string;
}

/** The cluster's own certificate authority (ECDSA P-256): made at the first start, or another member's. */
export class ClusterAuthority {
  readonly #clock: Clock;
  readonly #files: AuthorityFiles;
  readonly #listeners = new Set<() => void>();
  #material: CaMaterial;
  #signer: Signer;

  /** Opens the authority kept in `directory`, or makes it. */
  static async open({
    directory,
    clock,
  }: {
    readonly directory: string;
    readonly clock: Clock;
  }): Promise<ClusterAuthority> {
    await ensurePrivateDirectory(directory);
    const files = filesIn(directory);
    const text = await readPrivateFile(files.material);
    if (text !== undefined) return new ClusterAuthority({ clock, files }, parseMaterial(text, files.material));
    const [certificate, key] = await Promise.all([readPrivateFile(files.certificate), readPrivateFile(files.key)]);
    if (certificate !== undefined && key !== undefined) {
      try {
        return new ClusterAuthority({ clock, files }, firstMaterial({ certificate, key }));
      } catch (cause) {
        throw damaged(files, cause instanceof Error ? cause.message : String(cause), cause);
      }
    }
    if (certificate !== undefined) throw damaged(files, `${files.key} is missing`);
    // The key goes first: a key without a certificate is an attempt that broke off before anyone saw it.
    const made = selfSigned(clock);
    await writePrivateFile(files.key, made.key);
    await writePrivateFile(files.certificate, made.certificate);
    return new ClusterAuthority({ clock, files }, firstMaterial(made));
  }

  private constructor({ clock, files }: { clock: Clock; files: AuthorityFiles }, material: CaMaterial) {
    this.#clock = clock;
    this.#files = files;
    this.#material = material;
    this.#signer = signerOf(material.signing);
  }

  /** PEM; what clients must trust. */
  get certificate(): string {
    return this.#material.signing.certificate;
  }

  /** PEM of all CAs to believe now, the signing one first. */
  get trusted(): readonly string[] {
    return trustedCas(this.#material, this.#clock.now());
  }

  /** Which cluster this is, whatever its CA. */
  get clusterId(): string {
    return this.#material.clusterId;
  }

  /** SHA-256 of the certificate's DER in hex: how a join token names the cluster. */
  get digest(): string {
    return caDigest(this.certificate);
  }

  /** With the keys: for other members only. */
  get material(): CaMaterial {
    return this.#material;
  }

  issue(order: CertificateOrder): KeyPair {
    const key = newKey();
    return { certificate: this.certify(key, order), key: keyPem(key) };
  }

  /** Signs a certificate for somebody's public key. PEM. */
  certify(key: KeyObject, { days, ...request }: CertificateOrder): string {
    const now = this.#clock.now();
    const validity = { notBefore: now - BACKDATE_MS, notAfter: now + days * DAY_MS };
    return issueCertificate(key, { ...request, ...validity }, this.#signer);
  }

  /** Calls `listener` after each change of what is believed or signs. */
  onChange(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Makes a new CA that is believed from now on, and signs nothing yet. */
  async stage(): Promise<void> {
    await this.adopt(stageCa(this.#material, selfSigned(this.#clock)));
  }

  /** Signs with the staged CA from now on; the old one is believed for `overlapDays`. */
  async activate({ overlapDays }: { readonly overlapDays: number }): Promise<void> {
    await this.adopt(activateCa(this.#material, this.#clock.now() + overlapDays * DAY_MS));
  }

  async forgetOld(): Promise<void> {
    const next = forgetOldCas(this.#material, this.#clock.now());
    if (next !== this.#material) await this.adopt(next);
  }

  /** Takes over what another member has. On disk before anything uses it. */
  async adopt(material: CaMaterial): Promise<void> {
    await save(this.#files, material);
    this.#material = material;
    this.#signer = signerOf(material.signing);
    for (const listener of this.#listeners) listener();
  }
}

/** Writes the CA of the cluster that this node joins, before anything of its own is made. */
export async function saveJoinedAuthority(directory: string, material: CaMaterial): Promise<void> {
  await ensurePrivateDirectory(directory);
  await save(filesIn(directory), material);
}

async function save(files: AuthorityFiles, material: CaMaterial): Promise<void> {
  await writePrivateFile(files.material, `${JSON.stringify(material)}\n`);
  await writePrivateFile(files.certificate, material.signing.certificate);
}

function filesIn(directory: string): AuthorityFiles {
  return {
    certificate: join(directory, "ca.crt"),
    key: join(directory, "ca.key"),
    material: join(directory, "ca.json"),
  };
}

function parseMaterial(text: string, file: string): CaMaterial {
  try {
    return readMaterial(parsePrivateJson(text));
  } catch (error) {
    const why = (error as Error).message.replace(/^Cannot use the CA: /, "");
    throw new DamagedFile(
      `Cannot use the cluster's CA in ${file}: ${why}. Put it back from a copy of the data directory, or join again ` +
        "with an empty one",
      { cause: error },
    );
  }
}

function signerOf({ certificate, key }: KeyPair): Signer {
  const privateKey = createPrivateKey(key);
  if (!new X509Certificate(certificate).checkPrivateKey(privateKey)) {
    throw new Error("Cannot use the cluster's CA: its key is not its certificate's");
  }
  return { key: privateKey, name: subjectName(AUTHORITY_NAME), keyId: keyIdentifier(privateKey) };
}

/** Never mended by us: a new CA in its place would lock out everybody who has a certificate. */
function damaged({ certificate, key }: AuthorityFiles, why: string, cause?: unknown): DamagedFile {
  return new DamagedFile(
    `Cannot use the cluster's CA, ${certificate} with ${key}: ${why}. Put both back from a copy of the data directory; ` +
      "or remove both for a new CA, which nobody who has a certificate or kubeconfig of the old one believes",
    { cause },
  );
}

function selfSigned(clock: Clock): KeyPair {
  const key = newKey();
  const now = clock.now();
  const certificate = issueCertificate(key, {
    commonName: AUTHORITY_NAME,
    usage: "authority",
    notBefore: now - BACKDATE_MS,
    notAfter: now + AUTHORITY_DAYS * DAY_MS,
  });
  return { certificate, key: keyPem(key) };
}
