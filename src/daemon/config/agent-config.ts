import type { Level } from "../../lib/log.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Everything that the flags say, checked. Plain data, so that the supervisor can hand it to its children. */
export interface AgentConfig {
  readonly nodeName: string;
  /** The node's own IP address, as other hosts reach it. */
  readonly advertiseAddr: string;
  /** The cluster port: gossip over UDP and TCP, TLS over TCP. */
  readonly bindAddr: HostPort;
  /** Cluster ports of members; a host may be a name. */
  readonly join: readonly HostPort[];
  readonly joinToken?: string;
  /** Base64. */
  readonly encryptionKey?: string;
  readonly apiAddr: HostPort;
  readonly httpAddr: HostPort;
  readonly enableApiAuth: boolean;
  readonly apiToken?: string;
  /** The user's own certificate for the API. */
  readonly tls?: {
    readonly certificateFile: string;
    readonly keyFile: string;
    readonly caFile: string | undefined;
    readonly skipVerify: boolean;
  };
  readonly corsOrigins: readonly string[];
  readonly dataDir: string;
  /** `-`: the standard input. */
  readonly unlockPassphraseFile?: string;
  readonly unlockForGood: boolean;
  readonly podmanSocket: string;
  readonly enableIngress: boolean;
  readonly ingressPort: number;
  readonly ingressTlsPort: number;
  readonly dnsPort: number;
  readonly clusterDomain: string;
  /** `ip:port`, the host's resolvers where none is given. */
  readonly upstreamDns: readonly string[];
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly logLevel: Level;
  readonly logFormat: "text" | "json";
  /** Whether the agent runs as a user other than root. */
  readonly rootless: boolean;
}

/** A flag whose value cannot be used. The message names the flag and the fix. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigError";
  }
}
