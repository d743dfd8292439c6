/** A bridge network as we want it. */
export interface BridgeNetwork {
  readonly name: string;
  /** The interface's name on the host, or in rootless Podman's namespace. */
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
}

/** A pod of one pause container that keeps the network's bridge (rootless: its namespace) in being. */
export interface AnchorPod {
  readonly name: string;
  readonly network: string;
  readonly ip: string;
}

/** What Podman does for the pod network. All calls are idempotent and reject with Podman's own words. */
export interface PodmanNetworks {
  /** Makes the network, or checks that the existing one is the same: a different one is refused, never changed. */
  ensureNetwork(network: BridgeNetwork, signal: AbortSignal): Promise<void>;
  /** Makes and starts the anchor. Resolves with whether it had to be started. */
  ensureAnchor(anchor: AnchorPod, signal: AbortSignal): Promise<{ readonly started: boolean }>;
  /**
   * Makes the network's bridge and every running container's interface anew, with the same addresses: no process ends.
   * Resolves with the number of containers.
   */
  reattach(network: string, signal: AbortSignal): Promise<number>;
}
