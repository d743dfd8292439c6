import { ProgramError } from "../lib/host/run-program.ts";
import type { Kernel } from "./kernel.ts";

/** What the pods' network is made of, as the kernel must know it. */
export interface BridgeSettings {
  readonly gateway: string;
  /** The range of the bridge, which holds all pods of this node. */
  readonly subnet: string;
  readonly serviceCidr: string;
}

export interface BridgeChanges {
  /** The kernel settings that had to be changed. */
  readonly settings: string[];
  /** Why pods may learn each other's link addresses while an interface is new; undefined where they cannot. */
  readonly unguarded?: Error;
}

/** A table of its own: the one of the services belongs to its writer alone. */
const GUARD = "bridge podman_swarm";

/**
 * The bridge of the pods, once Podman has made it. Pods are kept apart at layer 2 and routed at layer 3: so a service
 * can send a pod to itself or its neighbour, and later policies hold between pods of one node, without br_netfilter.
 */
export class PodBridge {
  readonly #kernel: Kernel;
  readonly name: string;
  #isolating: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(kernel: Kernel, name: string) {
    this.#kernel = kernel;
    this.name = name;
  }

  /** A cheap look: true when the bridge is seen to be gone or down, false also where only `exists` can tell. */
  seemsGone(): boolean {
    return this.#kernel.seesLink?.(this.name) === false;
  }

  async exists(): Promise<boolean> {
    const links = await this.#kernel.run(["ip", "-j", "link", "show", "type", "bridge"]);
    return (JSON.parse(links || "[]") as { ifname?: string }[]).some(({ ifname }) => ifname === this.name);
  }

  /**
   * Idempotent. `serviceCidr` gets a route over the bridge, so that a host without a default route reaches services too;
   * no packet really leaves that way.
   */
  async configure({ gateway, subnet, serviceCidr }: BridgeSettings): Promise<BridgeChanges> {
    const unguarded = await this.#guard(subnet);
    const settings = await this.#setKernelSettings({
      "net/ipv4/ip_forward": "1",
      // The bridge answers for every pod address, so neighbours talk through the node instead of past it.
      [`net/ipv4/conf/${this.name}/proxy_arp_pvlan`]: "1",
      // ... and at once: by default it hesitates for up to 0.8 s, in case somebody else answers.
      [`net/ipv4/neigh/${this.name}/proxy_delay`]: "0",
      // Redirects would send pods past the node again, and their rate limit swallows refusals too. The kernel joins
      // the value of `all` with the interface's own by "or", so other interfaces keep theirs.
      [`net/ipv4/conf/${this.name}/send_redirects`]: "0",
      "net/ipv4/conf/all/send_redirects": "0",
      // With br_netfilter, a service's packet would be translated inside the bridge and then meet the isolation of its
      // ports, instead of being routed. It has no switch of its own for one bridge that this one would not override.
      "net/bridge/bridge-nf-call-iptables": "0",
    });
    await this.#fixAddress(gateway);
    await this.#kernel.run(["ip", "route", "replace", serviceCidr, "dev", this.name, "scope", "link", "src", gateway]);
    await this.isolate();
    return { settings, ...(unguarded === undefined ? {} : { unguarded }) };
  }

  /**
   * An interface is new before it is kept apart, for an instant, or for long when somebody runs `podman network reload`.
   * Pods that learned each other's link address meanwhile would go on using it, and lose every packet for up to a
   * minute. So no question for a pod's address passes from port to port: the bridge alone answers.
   */
  async #guard(subnet: string): Promise<Error | undefined> {
    const rule = `arp daddr ip ${subnet} drop`;
    const chain = `${GUARD} forward`;
    const input = [
      `add table ${GUARD}`,
      `delete table ${GUARD}`,
      `add table ${GUARD}`,
      `add chain ${chain} { type filter hook forward priority filter; policy accept; }`,
      `add rule ${chain} ${rule}`,
    ].join("\n");
    try {
      const tables = await this.#kernel.run(["nft", "list", "tables", "bridge"]);
      const isThere = tables.includes(`table ${GUARD}\n`);
      if (isThere && (await this.#kernel.run(["nft", "list", "table", ...GUARD.split(" ")])).includes(rule)) return;
      await this.#kernel.run(["nft", "-f", "-"], { input: `${input}\n` });
      return undefined;
    } catch (error) {
      // Some kernels are built without nftables for bridges.
      if (error instanceof ProgramError) return error;
      throw error;
    }
  }

  /**
   * Left alone, a bridge takes the lowest link address of its interfaces, another one whenever the pod with that comes
   * or goes. The other pods would send to the old one, and be cut off from one another for up to a minute.
   */
  async #fixAddress(gateway: string): Promise<void> {
    const wanted = linkAddressOf(gateway);
    const listed = await this.#kernel.run(["ip", "-j", "link", "show", "dev", this.name]);
    const [link] = JSON.parse(listed || "[]") as { address?: string }[];
    if (link?.address === wanted) return;
    await this.#kernel.run(["ip", "link", "set", "dev", this.name, "address", wanted]);
  }

  /** Writes those that differ. A setting that this kernel does not have is not needed: br_netfilter may not be loaded. */
  async #setKernelSettings(settings: Readonly<Record<string, string>>): Promise<string[]> {
    const script =
      'while [ $# -gt 0 ]; do if [ -e "$1" ]; then read -r now < "$1"; if [ "$now" != "$2" ]; then ' +
      'printf %s "$2" > "$1" || exit 1; printf "%s\\n" "$1"; fi; fi; shift 2; done';
    const words = Object.entries(settings).flatMap(([path, value]) => [`/proc/sys/${path}`, value]);
    const output = await this.#kernel.run(["sh", "-c", script, "sh", ...words]);
    return output.split("\n").filter((line) => line !== "");
  }

  /**
   * Makes the node ask anew who has these addresses. It would go on sending to an interface that is gone, for a minute
   * or until the new one says something by itself, which a server never does.
   */
  async forget(addresses: readonly string[]): Promise<void> {
    const input = addresses.map((address) => `neigh flush to ${address} dev ${this.name}\n`).join("");
    await this.#kernel.run(["ip", "-force", "-batch", "-"], { input });
  }

  /** Keeps every interface on the bridge apart from the others. Calls at the same time share the work. */
  isolate(): Promise<void> {
    if (this.#isolating === undefined) {
      this.#isolating = this.#isolateNow().finally(() => (this.#isolating = undefined));
      return this.#isolating;
    }
    // The running one may have looked before the caller's interface was there.
    this.#next ??= this.#isolating
      .catch(() => {}) // its own callers see it
      .then(() => {
        this.#next = undefined;
        return this.isolate();
      });
    return this.#next;
  }

  async #isolateNow(): Promise<void> {
    if (this.#kernel.isolatePorts?.(this.name)) return;
    const listed = await this.#kernel.run(["ip", "-j", "-d", "link", "show", "master", this.name]);
    const open = (JSON.parse(listed || "[]") as BridgePort[])
      .filter(({ linkinfo }) => linkinfo?.info_slave_data?.isolated !== true)
      .flatMap(({ ifname }) => (ifname === undefined ? [] : [ifname]));
    if (open.length === 0) return;
    const batch = open.map((name) => `link set dev ${name} type bridge_slave isolated on\n`).join("");
    // A pod that ended since then takes its interface with it.
    await this.#kernel.run(["ip", "-force", "-batch", "-"], { input: batch }).catch(async (error: unknown) => {
      const left = await this.#kernel.run(["ip", "-j", "link", "show", "master", this.name]);
      const names = new Set((JSON.parse(left || "[]") as BridgePort[]).map(({ ifname }) => ifname));
      if (open.every((name) => names.has(name))) throw error;
    });
  }
}

/** A locally administered one that follows from the bridge's IPv4 address: it stays when the bridge is made anew. */
function linkAddressOf(gateway: string): string {
  const bytes = gateway.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "50", ...bytes].join(":");
}

interface BridgePort {
  ifname?: string;
  linkinfo?: { info_slave_data?: { isolated?: boolean } };
}
