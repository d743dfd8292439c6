import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { Random } from "../../lib/random.ts";
import { Serial } from "../../lib/serial.ts";
import type { KeyPair } from "./ca-material.ts";
import type { ClusterAuthority } from "./cluster-authority.ts";
import { nodeOrder, readNodeCertificate } from "./node-certificate.ts";
import { readPrivateFile, writePrivateFile } from "../at-rest/private-file.ts";
import { renewalTime } from "./renewal-time.ts";

export interface NodeIdentityDeps {
  readonly authority: ClusterAuthority;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface NodeIdentityOptions {
  /** Where certificate and key are kept; the authority's own directory. */
  readonly directory: string;
  readonly nodeName: string;
  readonly addresses: readonly string[];
}

/** A wall clock that jumps is noticed within this time. */
const CHECK_EVERY_MS = 3_600_000;

/** The certificate that this node shows to other agents, renewed without a restart. */
export class NodeIdentity {
  readonly #deps: NodeIdentityDeps;
  readonly #options: NodeIdentityOptions;
  readonly #listeners = new Set<() => void>();
  #current: KeyPair | undefined;
  #renewAt = 0;
  /** Two at once would leave one's key with the other's certificate. */
  readonly #loading = new Serial();

  constructor(deps: NodeIdentityDeps, options: NodeIdentityOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get current(): KeyPair {
    if (!this.#current) throw new Error("Cannot give the node's certificate: it is not loaded yet");
    return this.#current;
  }

  /** Calls `listener` after each renewal. */
  onChange(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Loads the certificate, or makes one where it is due, or not this cluster's CA's of now. */
  async load(): Promise<void> {
    await this.#loading.run(() => this.#load());
  }

  async #load(): Promise<void> {
    const { directory, nodeName, addresses } = this.#options;
    const { authority, clock, log } = this.#deps;
    const files = { certificate: join(directory, "node.crt"), key: join(directory, "node.key") };
    const kept = this.#current ?? (await readPair(files));
    if (kept && this.#isGood(kept)) {
      if (!this.#current) this.#take(kept);
      if (clock.now() < this.#renewAt) return;
    }
    const since = kept && this.#memberSince(kept);
    const made = authority.issue(nodeOrder({ clusterId: authority.clusterId, nodeName }, addresses, { since }));
    await writePrivateFile(files.key, made.key);
    await writePrivateFile(files.certificate, made.certificate);
    const replaced = this.#current !== undefined;
    this.#take(made);
    if (!replaced) return;
    log.info("the node's certificate was renewed");
    for (const listener of this.#listeners) listener();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, authority } = this.#deps;
    // A new CA is for signing with: by then every member believes it.
    authority.onChange(() => this.load(), signal);
    while (!signal.aborted) {
      const wait = Math.max(1000, Math.min(CHECK_EVERY_MS, this.#renewAt - clock.now()));
      await pause(clock, wait, signal);
      if (signal.aborted) return;
      try {
        await this.load();
      } catch (error) {
        // The certificate in use stays; there are weeks left to mend this.
        log.error("cannot renew the node's certificate", { error: describeError(error) });
        this.#renewAt = clock.now() + CHECK_EVERY_MS;
      }
    }
  }

  #take(pair: KeyPair): void {
    const { validFromDate, validToDate } = new X509Certificate(pair.certificate);
    this.#current = pair;
    this.#renewAt = renewalTime({ from: validFromDate.getTime(), until: validToDate.getTime() }, this.#deps.random);
  }

  /** Undefined where it is of another cluster. */
  #memberSince({ certificate }: KeyPair): number | undefined {
    const name = readNodeCertificate(new X509Certificate(certificate));
    return name?.clusterId === this.#deps.authority.clusterId ? name.memberSince : undefined;
  }

  #isGood({ certificate }: KeyPair): boolean {
    const { authority } = this.#deps;
    const parsed = new X509Certificate(certificate);
    const name = readNodeCertificate(parsed);
    return (
      name?.clusterId === authority.clusterId &&
      name.nodeName === this.#options.nodeName &&
      parsed.verify(new X509Certificate(authority.certificate).publicKey) &&
      this.#options.addresses.every((address) => parsed.checkIP(address) !== undefined)
    );
  }
}

/** Undefined too for files that are not whole: then a new pair is made. */
async function readPair(files: KeyPair): Promise<KeyPair | undefined> {
  const [certificate, key] = await Promise.all([readPrivateFile(files.certificate), readPrivateFile(files.key)]);
  if (certificate === undefined || key === undefined) return undefined;
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)) ? { certificate, key } : undefined;
  } catch {
    return undefined; // not whole
  }
}
