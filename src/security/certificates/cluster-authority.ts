import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import { Serial } from "../../lib/serial.ts";
import {
  activateCa,
  type CaMaterial,
  caDigest,
  type CrossChain,
  crossChain,
  distrustOldCas,
  firstMaterial,
  forgetOldCas,
  type KeyPair,
  lastEnd,
  readMaterial,
  stageCa,
  trustedCas,
} from "./ca-material.ts";
import { issueCertificate, keyIdentifier, keyPem, newKey, type Signer, subjectName } from "./certificate.ts";
import {
  ensurePrivateDirectory,
  parsePrivateJson,
  readPrivateFile,
  writePrivateFile,
} from "../at-rest/private-file.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Certificates begin a little in the past, for hosts whose clock is behind. */
export const BACKDATE_MS = 3_600_000;
/** A later CA's name ends with what tells its key from others. */
const AUTHORITY_NAME = "podman-swarm-ca";
/** A wall clock that jumps is noticed within this time. */
const CHECK_EVERY_MS = 3_600_000;

/** What is believed no longer, after a change. */
export interface CaChange {
  /** PEM. */
  readonly distrusted: readonly string[];
  /** Before its time was over: it may be in wrong hands, and all that hangs on it must end. */
  readonly atOnce: boolean;
}

/** Its promise is waited for: once a change is made, everybody has drawn the consequences. */
export type CaListener = (change: CaChange) => void | Promise<void>;

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
  readonly #listeners = new Set<CaListener>();
  readonly #changes = new Serial();
  #material: CaMaterial;
  #signer: Signer;
  /** What the listeners know of. */
  #told: ReadonlyMap<string, number>;

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
    const made = selfSigned(clock, { first: true });
    await writePrivateFile(files.key, made.key);
    await writePrivateFile(files.certificate, made.certificate);
    return new ClusterAuthority({ clock, files }, firstMaterial(made));
  }

  private constructor({ clock, files }: { clock: Clock; files: AuthorityFiles }, material: CaMaterial) {
    this.#clock = clock;
    this.#files = files;
    this.#material = material;
    this.#signer = signerOf(material.signing);
    this.#told = endsOf(material, clock.now());
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

  /** To be shown with what this CA has signed, for those who know only one before it. */
  get chain(): CrossChain {
    return crossChain(this.#material, this.#clock.now());
  }

  /** SHA-256 of the public key in hex: how a join token names the cluster. */
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
  onChange(listener: CaListener, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Makes a new CA that is believed from now on, and signs nothing yet. */
  async stage(options: { readonly compromised?: boolean } = {}): Promise<void> {
    await this.change((material) => stageCa(material, selfSigned(this.#clock), options));
  }

  /** Signs with the staged CA from now on; the old one is believed for `overlapMs`. */
  async activate({ overlapMs }: { readonly overlapMs: number }): Promise<void> {
    await this.change((material) => {
      const now = this.#clock.now();
      const until = now + overlapMs;
      const { certificate = "" } = material.staged ?? {};
      if (!material.staged) return activateCa(material, { until, successor: "" });
      const validity = { notBefore: now - BACKDATE_MS, notAfter: lastEnd(material, until) };
      const { publicKey } = new X509Certificate(certificate);
      const request = { commonName: commonNameOf(certificate), usage: "authority", ...validity } as const;
      return activateCa(material, {
        until,
        successor: issueCertificate(publicKey, request, signerOf(material.signing)),
      });
    });
  }

  /** Believes only the CA that signs. */
  async distrustOld(): Promise<void> {
    await this.change(distrustOldCas);
  }

  /** Forgets the older CAs whose time is over. */
  async forgetOld(): Promise<void> {
    await this.change((material) => forgetOldCas(material, this.#clock.now()));
  }

  /** Takes over what another member has. */
  async adopt(material: CaMaterial): Promise<void> {
    await this.change(() => material);
  }

  /**
   * Makes the next state from the present one: on disk before anything uses it. Resolves once all listeners are done, and
   * rejects where one failed; it can be done again. The same state changes nothing, and tells the listeners again.
   */
  async change(next: (material: CaMaterial) => CaMaterial): Promise<void> {
    await this.#changes.run(async () => {
      const material = next(this.#material);
      if (material !== this.#material) {
        await save(this.#files, material);
        this.#material = material;
        this.#signer = signerOf(material.signing);
      }
      await this.#tell();
    });
  }

  /** Forgets older CAs when their time is over. */
  async run(signal: AbortSignal, log: Logger): Promise<void> {
    let wake = new AbortController();
    this.onChange(() => wake.abort(), signal);
    while (!signal.aborted) {
      const wait = Math.max(1000, Math.min(CHECK_EVERY_MS, Math.min(...this.#told.values()) - this.#clock.now()));
      await pause(this.#clock, wait, AbortSignal.any([signal, wake.signal]));
      if (signal.aborted) return;
      wake = new AbortController();
      if (endsOf(this.#material, this.#clock.now()).size === this.#told.size) continue;
      try {
        await this.forgetOld();
        log.info("an older CA of the cluster is believed no longer: its time was over");
      } catch (error) {
        log.error("cannot forget an older CA of the cluster", { error: describeError(error) });
      }
    }
  }

  async #tell(): Promise<void> {
    const now = this.#clock.now();
    const ends = endsOf(this.#material, now);
    const gone = [...this.#told].filter(([certificate]) => !ends.has(certificate));
    const change = { distrusted: gone.map(([certificate]) => certificate), atOnce: gone.some(([, end]) => end > now) };
    await Promise.all([...this.#listeners].map(async (listener) => await listener(change)));
    this.#told = ends;
  }
}

/** Until when the CAs are believed that have signed something. */
function endsOf({ signing, older }: CaMaterial, now: number): ReadonlyMap<string, number> {
  const good = older.filter(({ until }) => until > now);
  return new Map([
    [signing.certificate, Infinity],
    ...good.map(({ certificate, until }) => [certificate, until] as const),
  ]);
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
  return { key: privateKey, name: subjectName(commonNameOf(certificate)), keyId: keyIdentifier(privateKey) };
}

/** A CA's name is its common name alone. */
function commonNameOf(certificate: string): string {
  return new X509Certificate(certificate).subject.replace(/^CN=/, "");
}

/** Never mended by us: a new CA in its place would lock out everybody who has a certificate. */
function damaged({ certificate, key }: AuthorityFiles, why: string, cause?: unknown): DamagedFile {
  return new DamagedFile(
    `Cannot use the cluster's CA, ${certificate} with ${key}: ${why}. Put both back from a copy of the data directory; ` +
      "or remove both for a new CA, which nobody who has a certificate or kubeconfig of the old one believes",
    { cause },
  );
}

function selfSigned(clock: Clock, { first = false } = {}): KeyPair {
  const key = newKey();
  const now = clock.now();
  const certificate = issueCertificate(key, {
    // Two with one name would be told apart by their keys' identifiers only, which not every client looks at.
    commonName: first ? AUTHORITY_NAME : `${AUTHORITY_NAME}-${keyIdentifier(key).toString("hex", 0, 4)}`,
    usage: "authority",
    notBefore: now - BACKDATE_MS,
    notAfter: now + AUTHORITY_DAYS * DAY_MS,
  });
  return { certificate, key: keyPem(key) };
}
