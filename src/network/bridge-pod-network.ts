import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { Wake } from "../lib/wake.ts";
import type { AddressBook } from "./address-book.ts";
import type { PodBridge } from "./pod-bridge.ts";
import type { BridgeNetwork, PodmanNetworks } from "./podman-networks.ts";

export interface BridgePodNetworkDeps {
  readonly podman: PodmanNetworks;
  readonly bridge: PodBridge;
  readonly addresses: AddressBook;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface BridgePodNetworkOptions {
  readonly network: BridgeNetwork;
  readonly anchor: { readonly name: string; readonly ip: string };
  readonly serviceCidr: string;
  /** What goes into a pod's resolv.conf. The searches are completed by the pod's namespace. */
  readonly dns: {
    readonly servers: readonly string[];
    readonly clusterDomain: string;
    readonly hostSearches?: readonly string[];
  };
  /**
   * Given where the namespace that we look into may not be Podman's any more. Called when the bridge cannot be seen
   * although its anchor runs; only if it is not to be seen afterwards either, it is really gone.
   */
  readonly onLostNamespace?: () => void;
  /** Called when the bridge had been removed and is there again, with the number of containers that it connects. */
  readonly onRestored?: (containers: number) => void;
  /** How often network, anchor and bridge are looked after, in milliseconds. */
  readonly checkMs?: number;
  /** How often there is a cheap look at the bridge alone, in milliseconds. */
  readonly lookMs?: number;
  readonly retryMs?: number;
  /** How long to wait before another attempt to put back a removed bridge. */
  readonly restoreMs?: number;
}

/** The pods' side of the node's network: addresses of our own choice on one Podman bridge, which is kept in being. */
export class BridgePodNetwork {
  readonly #deps: BridgePodNetworkDeps;
  readonly #options: BridgePodNetworkOptions;
  #up: Promise<void>;
  #markUp: () => void = () => {};
  #problem = "it is still starting";
  #isUp = false;
  readonly #wake: Wake;
  #namespaceAsked = false;
  #restoreNotBefore = -Infinity;
  #unguardedTold = false;
  /** Pods that had their address before, so that their next interface is not the first one with it. */
  readonly #again = new Set<string>();

  constructor(deps: BridgePodNetworkDeps, options: BridgePodNetworkOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#wake = new Wake(deps.clock);
    this.#up = new Promise((resolve) => (this.#markUp = resolve));
  }

  /** Resolves when pods can be attached for the first time. */
  get up(): Promise<void> {
    return this.#up;
  }

  /** Why pods cannot be attached now; undefined when they can. For the node's condition. */
  get problem(): string | undefined {
    return this.#isUp ? undefined : this.#problem;
  }

  /** Makes the network and looks after it until `signal`. The network stays: pods use it without us. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#deps;
    const { checkMs = 30_000, retryMs = 2_000 } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#ensure(signal);
        this.#isUp = true;
        this.#markUp();
      } catch (error) {
        if (signal.aborted) return;
        const problem = error instanceof Error ? error.message : String(error);
        const told = !this.#isUp && problem === this.#problem;
        this.#isUp = false;
        this.#problem = problem;
        logger[told ? "debug" : "error"]("The pod network is not up", { error });
      }
      await this.#pause(this.#isUp ? checkMs : retryMs, signal);
    }
  }

  /** Ended early by the stop, by `check`, and when the bridge is gone. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { lookMs = 3_000 } = this.#options;
    for (let left = ms; left > 0 && !signal.aborted; left -= lookMs) {
      if (await this.#wake.sleep(Math.min(left, lookMs), signal)) return;
      if (this.#isUp && this.#deps.bridge.seemsGone()) return;
    }
  }

  /** Looks after everything now: something may have changed. */
  check(): void {
    this.#wake.ring();
  }

  async attach({ uid, namespace }: { uid: string; namespace: string; name: string }) {
    if (!this.#isUp) throw new Error(`Cannot attach the pod: the pod network is not up: ${this.#problem}`);
    if (this.#deps.addresses.get(uid) !== undefined) this.#again.add(uid);
    const ip = await this.#deps.addresses.take(uid);
    return { network: this.#options.network.name, ip, ...this.resolver(namespace) };
  }

  /** The cluster's names for pods of a namespace. */
  resolver(namespace: string) {
    const { dns } = this.#options;
    const domain = dns.clusterDomain;
    return {
      dnsServers: dns.servers,
      dnsSearches: [`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...(dns.hostSearches ?? [])],
      // As upstream's ClusterFirst policy sets it (kubelet, network/dns).
      dnsOptions: ["ndots:5"],
    };
  }

  async started(uid: string): Promise<void> {
    const address = this.#deps.addresses.get(uid);
    if (address === undefined) return; // a pod of the host's network has no interface here
    if (this.#again.delete(uid)) await this.#forget([address]);
    await this.#deps.bridge.isolate();
  }

  release(uid: string): Promise<void> {
    return this.#release([uid]);
  }

  /** Gives back the addresses of pods that were removed while nobody looked. */
  releaseAllBut(uids: ReadonlySet<string>): Promise<void> {
    return this.#release(this.#deps.addresses.uids().filter((uid) => !uids.has(uid)));
  }

  async #release(uids: readonly string[]): Promise<void> {
    const { addresses } = this.#deps;
    const free = uids.flatMap((uid) => addresses.get(uid) ?? []);
    for (const uid of uids) this.#again.delete(uid);
    if (free.length > 0 && this.#isUp) await this.#forget(free);
    await Promise.all(uids.map((uid) => addresses.release(uid)));
  }

  async #forget(addresses: readonly string[]): Promise<void> {
    try {
      await this.#deps.bridge.forget(addresses);
    } catch (error) {
      // It costs the next pod with the address some seconds, and must not keep this one from ending.
      this.#deps.logger.warn("Cannot forget where pods were", { addresses, error });
    }
  }

  async #ensure(signal: AbortSignal): Promise<void> {
    const { podman, bridge, logger } = this.#deps;
    const { network, anchor, serviceCidr } = this.#options;
    await podman.ensureNetwork(network, signal);
    const { started } = await podman.ensureAnchor({ ...anchor, network: network.name }, signal);
    if (started) logger.info("Started the anchor of the pod network", { pod: anchor.name });
    if (!(await bridge.exists())) await this.#restoreBridge(signal);
    this.#namespaceAsked = false;
    const { gateway, subnet } = network;
    const { settings, unguarded } = await bridge.configure({ gateway, subnet, serviceCidr });
    if (settings.length > 0) logger.info("Changed kernel settings for the pod network", { settings });
    this.#tellUnguarded(unguarded);
  }

  /** Once, and not every time that it is seen. */
  #tellUnguarded(error: Error | undefined): void {
    if (error !== undefined && !this.#unguardedTold) {
      const what = "Pods may not reach each other for up to a minute after `podman network reload`";
      this.#deps.logger.info(what, { error });
    }
    this.#unguardedTold = error !== undefined;
  }

  /** Somebody has removed the bridge, and the pods' interfaces with it or not. */
  async #restoreBridge(signal: AbortSignal): Promise<void> {
    const { podman, bridge, clock, logger } = this.#deps;
    const { network, onLostNamespace, onRestored, restoreMs = 30_000 } = this.#options;
    const lost = (why: string): Error =>
      new Error(
        `Cannot find the bridge ${bridge.name} in the pods' network namespace${why}: "podman network reload --all" puts it back`,
      );
    if (onLostNamespace !== undefined && !this.#namespaceAsked) {
      this.#namespaceAsked = true;
      onLostNamespace();
      throw lost("");
    }
    if (clock.monotonic() < this.#restoreNotBefore) throw lost(", and could not put it back");
    this.#restoreNotBefore = clock.monotonic() + restoreMs;
    const containers = await podman.reattach(network.name, signal).catch((error: unknown) => {
      logger.error("Cannot put back the bridge of the pod network", { error });
      return 0;
    });
    if (!(await bridge.exists())) throw lost(", and could not put it back");
    logger.warn("Put back the bridge of the pod network, which somebody had removed", { containers });
    onRestored?.(containers);
  }
}
