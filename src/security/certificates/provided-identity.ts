import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { KeyPair } from "./ca-material.ts";
import { type ProvidedCertificate, type ProvidedFiles, readProvidedCertificate } from "./provided-certificate.ts";

/** Programs that renew certificates replace files and tell nobody. */
const LOOK_EVERY_MS = 10_000;

/** The user's own certificate for the API: shown as it is, and read again when its files change. */
export class ProvidedIdentity {
  readonly #deps: { readonly clock: Clock; readonly log: Logger };
  readonly #files: ProvidedFiles;
  readonly #listeners = new Set<(pair: KeyPair) => void>();
  #loaded: ProvidedCertificate | undefined;
  /** Told once, not at each look. */
  #trouble = "";

  constructor(deps: { readonly clock: Clock; readonly log: Logger }, files: ProvidedFiles) {
    this.#deps = deps;
    this.#files = files;
  }

  get current(): KeyPair {
    return this.#given.pair;
  }

  /** PEM of what clients are to believe for it; undefined where the system's CAs do. */
  get ca(): string | undefined {
    return this.#given.ca;
  }

  /** Whether a client that asks for this name or address finds it in the certificate. */
  covers(name: string): boolean {
    const certificate = new X509Certificate(this.current.certificate);
    return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
  }

  /** Whether there are addresses in it, for clients that connect to one. */
  get hasAddress(): boolean {
    return /IP Address:/.test(new X509Certificate(this.current.certificate).subjectAltName ?? "");
  }

  /** The first DNS name in it; for a wildcard, this label in its place. */
  nameFor(label: string): string | undefined {
    const { subjectAltName = "" } = new X509Certificate(this.current.certificate);
    return /(?:^|, )DNS:([^\s,"]+)/.exec(subjectAltName)?.[1]?.replace(/^\*/, label.split(".")[0] ?? label);
  }

  /** Calls `listener` with each certificate that replaces the current one. */
  onChange(listener: (pair: KeyPair) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Rejects with a DamagedFile that says what is wrong with the files, and changes nothing then. */
  async load(): Promise<void> {
    const { clock, log } = this.#deps;
    const before = this.#loaded;
    const found = await readProvidedCertificate(this.#files, clock.now());
    this.#trouble = "";
    const same = found.pair.certificate === before?.pair.certificate && found.pair.key === before.pair.key;
    if (same && found.ca === before.ca) return;
    this.#loaded = found;
    for (const warning of found.warnings) {
      log.warn("clients will not believe the API's certificate", { file: this.#files.certificateFile, why: warning });
    }
    if (before === undefined) return;
    log.info("the API's certificate was read again", { file: this.#files.certificateFile });
    for (const listener of this.#listeners) listener(found.pair);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      await pause(clock, LOOK_EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        await this.load();
      } catch (error) {
        // Also while its files are being replaced: the next look finds both.
        const text = describeError(error);
        if (text !== this.#trouble) log.error("the API's certificate stays as it was", { error: text });
        this.#trouble = text;
      }
    }
  }

  get #given(): ProvidedCertificate {
    if (!this.#loaded) throw new Error("Cannot give the server's certificate: it is not loaded yet");
    return this.#loaded;
  }
}
