/** What the dataplane's DNS server must answer, as plain JSON. Made by the agent, applied as a whole. */
export interface DnsSnapshot {
  /** The cluster's domain, lower case, without a trailing dot. */
  readonly domain: string;
  /** Seconds that answers of the cluster zone may be kept. */
  readonly ttl: number;
  /** By `namespace/name`. */
  readonly services: Readonly<Record<string, DnsService>>;
  /** Pod addresses by namespace. Absent, any address in `ranges` is taken for a pod's. */
  readonly pods?: Readonly<Record<string, readonly string[]>>;
  /** The CIDRs whose reverse names are ours: an address without a name there is NXDOMAIN and never asked upstream. */
  readonly ranges: readonly string[];
  /** Addresses of this DNS service itself, for the zone's NS record. */
  readonly servers: readonly string[];
  /** `ip:port`, `[ip]:port` or `ip`, in order of preference. */
  readonly upstreams: readonly string[];
}

export type DnsService =
  | {
      readonly type: "virtual";
      readonly addresses: readonly string[];
      readonly ports: readonly DnsPort[];
    }
  | { readonly type: "headless"; readonly endpoints: readonly DnsEndpoint[] }
  | { readonly type: "external"; readonly target: string };

export interface DnsPort {
  /** Empty for a port without a name, which has no `_port._proto` record. */
  readonly name: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly port: number;
}

export interface DnsEndpoint {
  readonly address: string;
  readonly hostname?: string;
  readonly ports: readonly DnsPort[];
}
