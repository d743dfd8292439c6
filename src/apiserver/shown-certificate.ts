import type { ServerOptions } from "node:https";
import { createSecureContext, type SecureContext } from "node:tls";
import type { KeyPair } from "../security/certificates/ca-material.ts";
import type { ProvidedIdentity } from "../security/certificates/provided-identity.ts";
import type { ServerIdentity } from "../security/certificates/server-identity.ts";

export interface ShownCertificateParts {
  /** Of the cluster's CA; has all names of the node and of the `kubernetes` service. */
  readonly identity: ServerIdentity;
  /** The user's own. */
  readonly provided: ProvidedIdentity | undefined;
  readonly options: (pair: KeyPair) => ServerOptions;
}

/**
 * Which certificate a client sees. The user's own where it has what the client asks for. Whoever asks for another name
 * (pods ask for `kubernetes.default.svc`) sees the cluster's, and so does a client without a name, which connects to an
 * address, unless the user's own has addresses.
 */
export class ShownCertificate {
  readonly #parts: ShownCertificateParts;
  #own: SecureContext | undefined;
  #named: SecureContext | undefined;

  constructor(parts: ShownCertificateParts) {
    this.#parts = parts;
  }

  /** For who asks for no name. */
  get plain(): KeyPair {
    const { identity, provided } = this.#parts;
    return provided?.hasAddress ? provided.current : identity.current;
  }

  /** The context for a name, which `SNICallback` answers. */
  contextFor(name: string): SecureContext {
    const { identity, provided, options } = this.#parts;
    if (!provided?.covers(name)) return (this.#own ??= createSecureContext(options(identity.current)));
    this.#named ??= createSecureContext(options(provided.current));
    return this.#named;
  }

  /** After anything of it was replaced. */
  forget(): void {
    this.#own = undefined;
    this.#named = undefined;
  }
}
