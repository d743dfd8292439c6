import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { isIP } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import { Serial } from "../../lib/serial.ts";
import type { KeyPair } from "./ca-material.ts";
import type { ClusterAuthority } from "./cluster-authority.ts";
import { readPrivateFile, writePrivateFile } from "../at-rest/private-file.ts";

const SERVER_DAYS = 90;
const DAY_MS = 86_400_000;
/** Renewed when less than this is left. */
const RENEW_BEFORE_MS = 30 * DAY_MS;
const CHECK_EVERY_MS = 3_600_000;

export interface ServerIdentityDeps {
  readonly authority: ClusterAuthority;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ServerIdentityOptions {
  /** Where certificate and key are kept; the authority's own directory. */
  readonly directory: string;
  readonly commonName: string;
  /** All names and addresses under which clients reach this node; asked again at each check. */
  readonly altNames: () => readonly string[];
}

/** The certificate that this node's API shows, renewed without a restart. */
export class ServerIdentity {
  readonly #deps: ServerIdentityDeps;
  readonly #options: ServerIdentityOptions;
  readonly #listeners = new Set<(pair: KeyPair) => void>();
  #current: KeyPair | undefined;
  /** Two at once would leave one's key with the other's certificate. */
  readonly #loading = new Serial();

  constructor(deps: ServerIdentityDeps, options: ServerIdentityOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** With its certificate goes what leads to it from older CAs, for clients that know only one of these. */
  get current(): KeyPair {
    if (!this.#current) throw new Error("Cannot give the server's certificate: it is not loaded yet");
    return this.#current;
  }

  /** Calls `listener` with each certificate that replaces the current one. */
  onChange(listener: (pair: KeyPair) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Loads or makes the certificate. */
  async load(): Promise<void> {
    await this.#loading.run(() => this.#load());
  }

  async #load(): Promise<void> {
    const pair = await this.#own();
    if (pair.certificate === this.#current?.certificate) return;
    const replaced = this.#current !== undefined;
    this.#current = pair;
    if (!replaced) return;
    this.#deps.log.info("the API's certificate was replaced");
    for (const listener of this.#listeners) listener(pair);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, authority } = this.#deps;
    authority.onChange(() => this.load(), signal);
    while (!signal.aborted) {
      await pause(clock, CHECK_EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        await this.load();
      } catch (error) {
        // The certificate in use stays; there are weeks left to mend this.
        log.error("cannot renew the API's certificate", { error: describeError(error) });
      }
    }
  }

  async #own(): Promise<KeyPair> {
    const { directory, commonName, altNames } = this.#options;
    const files = { certificate: join(directory, "server.crt"), key: join(directory, "server.key") };
    const [certificate, key] = await Promise.all([readPrivateFile(files.certificate), readPrivateFile(files.key)]);
    const names = [...new Set(altNames())];
    if (certificate !== undefined && key !== undefined && this.#isGood({ certificate, key }, names)) {
      return this.#shown({ certificate, key });
    }
    const made = this.#deps.authority.issue({ usage: "server", commonName, altNames: names, days: SERVER_DAYS });
    await writePrivateFile(files.key, made.key);
    await writePrivateFile(files.certificate, made.certificate);
    return this.#shown(made);
  }

  #shown({ certificate, key }: KeyPair): KeyPair {
    return { certificate: [certificate, ...this.#deps.authority.chain.successors].join(""), key };
  }

  #isGood({ certificate, key }: KeyPair, names: readonly string[]): boolean {
    const { authority, clock } = this.#deps;
    try {
      const parsed = new X509Certificate(certificate);
      const issuer = new X509Certificate(authority.certificate);
      return (
        parsed.validToDate.getTime() - clock.now() > RENEW_BEFORE_MS &&
        parsed.verify(issuer.publicKey) &&
        // A key without its certificate's is what a crash between the two files leaves.
        parsed.checkPrivateKey(createPrivateKey(key)) &&
        names.every((name) => covers(parsed, name))
      );
    } catch (error) {
      this.#deps.log.warn("making a new certificate: the kept one cannot be read", { error: describeError(error) });
      return false;
    }
  }
}

function covers(certificate: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}
