/** What the pod runtime needs from the rest of the node. Implemented by other folders, joined in `daemon/`. */

/** The cluster's names, as a resolv.conf says it. */
export interface PodResolver {
  readonly dnsServers: readonly string[];
  readonly dnsSearches: readonly string[];
  readonly dnsOptions: readonly string[];
}

export interface PodAttachment extends PodResolver {
  /** The Podman network to join. */
  readonly network: string;
  /** The pod's address in it, ours to choose: passed to Podman as a static address. */
  readonly ip: string;
}

/** Addresses for pods. A pod keeps its address until `release`, across restarts of the agent and of its containers. */
export interface PodNetwork {
  /** Idempotent per uid and durable. Rejects with the reason when no address is free or the network is not up. */
  attach(pod: { readonly uid: string; readonly namespace: string; readonly name: string }): Promise<PodAttachment>;
  /** For pods of the host's network; undefined where the cluster's DNS cannot be reached from there. */
  resolver(namespace: string): PodResolver | undefined;
  /** Called after the pod's sandbox has started and before its containers do: isolates the new interface. */
  started(uid: string): Promise<void>;
  /** Idempotent. */
  release(uid: string): Promise<void>;
}

export type ProbeCheck =
  | {
      readonly type: "http";
      readonly host: string;
      readonly port: number;
      readonly path: string;
      readonly https: boolean;
      readonly headers: readonly { name: string; value: string }[];
    }
  | { readonly type: "tcp"; readonly host: string; readonly port: number }
  | {
      readonly type: "grpc";
      readonly host: string;
      readonly port: number;
      readonly service: string;
    };

/** Runs probes that reach the pod over its network. Never rejects for a failed probe, only when it cannot be run. */
export interface Prober {
  probe(
    check: ProbeCheck,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly ok: boolean; readonly message: string }>;
}

/** Lets a terminating pod wait until no new connection is sent to it. */
export interface EndpointDrain {
  /** Resolves once every dataplane in reach has dropped the pod's address, or after `timeoutMs`. Never rejects. */
  drained(podIp: string, timeoutMs: number): Promise<void>;
}
