import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { issueCertificate, keyIdentifier, keyPem, newKey, type Signer, subjectName } from "./certificate.ts";
import { ensurePrivateDirectory, readPrivateFile, writePrivateFile } from "./private-file.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Certificates begin a little in the past, for hosts whose clock is behind. */
const BACKDATE_MS = 3_600_000;
const AUTHORITY_NAME = "podman-swarm-ca";

export interface KeyPair {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface LeafRequest {
  readonly usage: "server" | "client";
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly altNames?: readonly string[];
  readonly days: number;
}

/** The cluster's own certificate authority (ECDSA P-256): made at the first start, kept in two files. */
export class ClusterAuthority {
  /** PEM; what clients must trust. */
  readonly certificate: string;
  readonly #signer: Signer;
  readonly #clock: Clock;

  /** Opens the authority kept in `directory`, or makes it. */
  static async open({
    directory,
    clock,
  }: {
    readonly directory: string;
    readonly clock: Clock;
  }): Promise<ClusterAuthority> {
    await ensurePrivateDirectory(directory);
    const files = { certificate: join(directory, "ca.crt"), key: join(directory, "ca.key") };
    const [certificate, key] = await Promise.all([readPrivateFile(files.certificate), readPrivateFile(files.key)]);
    if (certificate !== undefined && key !== undefined) return new ClusterAuthority(clock, certificate, key);
    if (certificate !== undefined) {
      throw new Error(`Cannot open the cluster's CA: ${files.key} is missing beside ${files.certificate}`);
    }
    // The key goes first: a key without a certificate is an attempt that broke off before anyone saw it.
    const made = selfSigned(clock);
    await writePrivateFile(files.key, made.key);
    await writePrivateFile(files.certificate, made.certificate);
    return new ClusterAuthority(clock, made.certificate, made.key);
  }

  private constructor(clock: Clock, certificate: string, key: string) {
    this.#clock = clock;
    this.certificate = certificate;
    const privateKey = createPrivateKey(key);
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(privateKey))
      throw new Error("Cannot use the cluster's CA: its key is not its certificate's");
    this.#signer = { key: privateKey, name: subjectName(AUTHORITY_NAME), keyId: keyIdentifier(privateKey) };
  }

  /** SHA-256 of the certificate's DER in hex: how a join token names the cluster. */
  get digest(): string {
    return createHash("sha256").update(new X509Certificate(this.certificate).raw).digest("hex");
  }

  issue(request: LeafRequest): KeyPair {
    const key = newKey();
    return { certificate: this.#certify(key, request), key: keyPem(key) };
  }

  #certify(key: KeyObject, { days, ...request }: LeafRequest): string {
    const now = this.#clock.now();
    const validity = { notBefore: now - BACKDATE_MS, notAfter: now + days * DAY_MS };
    return issueCertificate(key, { ...request, ...validity }, this.#signer);
  }
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
