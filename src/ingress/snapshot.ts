/** What the dataplane's ingress must serve, as plain JSON. Made by the agent, applied as a whole. Holds private keys. */
export interface IngressSnapshot {
  /** No two have the same host, type and path. */
  readonly rules: readonly IngressRule[];
  /** By `namespace/service:port`. One without endpoints is known, but cannot serve now: 503, not 404. */
  readonly backends: Readonly<Record<string, IngressBackend>>;
  /** For requests that no rule matches. */
  readonly defaultBackend?: string;
  readonly certificates: readonly IngressCertificate[];
  /** Shown for names without one, and to clients that name none. Without it those cannot connect. */
  readonly defaultCertificate?: KeyPairPem;
}

/** PEM, the certificate with its chain. */
export interface KeyPairPem {
  readonly certificate: string;
  readonly key: string;
}

export interface IngressRule {
  /** Lower case; `*.example.com` stands for exactly one label more; empty for any host. */
  readonly host: string;
  readonly type: "Exact" | "Prefix";
  readonly path: string;
  readonly backend: string;
  /** Plain HTTP is answered with a redirect to HTTPS. */
  readonly redirect: boolean;
}

export interface IngressBackend {
  readonly endpoints: readonly IngressEndpoint[];
}

export interface IngressEndpoint {
  readonly address: string;
  readonly port: number;
  /** On this very node: preferred. */
  readonly local: boolean;
}

export interface IngressCertificate extends KeyPairPem {
  /** Names for which it is shown, lower case, `*.` for one label. */
  readonly hosts: readonly string[];
}
