import { createSecureContext, type SecureContext } from "node:tls";
import { describeError, type Logger } from "../lib/log.ts";
import type { IngressCertificate } from "./snapshot.ts";

/** Finds the certificate for the name that a client's TLS hello asks for (SNI). */
export class CertificateStore {
  readonly #log: Logger;
  #byHost: ReadonlyMap<string, IngressCertificate> = new Map();
  /** By PEM: a context costs a millisecond to make, and most certificates outlive many snapshots. */
  #contexts = new Map<string, SecureContext>();

  constructor({ log }: { log: Logger }) {
    this.#log = log;
  }

  apply(certificates: readonly IngressCertificate[]): void {
    this.#byHost = new Map(certificates.flatMap((one) => one.hosts.map((host) => [host, one] as const)));
    const kept = new Set(certificates.map(contextKey));
    this.#contexts = new Map([...this.#contexts].filter(([key]) => kept.has(key)));
  }

  /** Undefined when no certificate is for this name: the default one is shown. */
  find(name: string): SecureContext | undefined {
    const host = name.toLowerCase();
    const dot = host.indexOf(".");
    const found = this.#byHost.get(host) ?? (dot < 0 ? undefined : this.#byHost.get(`*${host.slice(dot)}`));
    if (found === undefined) return undefined;
    const key = contextKey(found);
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    try {
      const context = createSecureContext({ cert: found.certificate, key: found.key });
      this.#contexts.set(key, context);
      return context;
    } catch (error) {
      this.#log.warn("Cannot use a certificate: the default one is shown", { host, error: describeError(error) });
      return undefined;
    }
  }
}

function contextKey({ certificate, key }: IngressCertificate): string {
  return `${certificate}\n${key}`;
}
