/** One socket that the supervisor binds and a child serves. */
export type SocketSpec = NetworkSocketSpec | UnixSocketSpec;

interface Named {
  /** What the child asks for: `api`, `http`, `ingress`, `control`. */
  readonly name: string;
  readonly to: "agent" | "dataplane";
  /** The flag that changes it, for the refusal: `--ingress-port`. */
  readonly flag?: string;
  /** How to do without it, for the refusal: `--enable-ingress=false`. */
  readonly disable?: string;
}

export interface NetworkSocketSpec extends Named {
  readonly kind: "tcp" | "udp";
  /** An IPv4 or IPv6 address, not a name. */
  readonly host: string;
  readonly port: number;
}

export interface UnixSocketSpec extends Named {
  readonly kind: "unix";
  /** Absolute. What lies there is replaced; the caller holds a lock that makes this safe. The file gets mode 0600. */
  readonly path: string;
}

export function describeSocket(spec: SocketSpec): string {
  if (spec.kind === "unix") return spec.path;
  return spec.host.includes(":")
    ? `[${spec.host}]:${spec.port}/${spec.kind}`
    : `${spec.host}:${spec.port}/${spec.kind}`;
}
