import { readFileSync } from "node:fs";
import { join } from "node:path";
import { untilAborted } from "../../lib/until-aborted.ts";
import type { Part } from "../../lib/run-together.ts";
import { AddressBook } from "../../network/address-book.ts";
import { AddressFile } from "../../network/address-file.ts";
import { BridgePodNetwork } from "../../network/bridge-pod-network.ts";
import { hostKernel } from "../../network/host-kernel.ts";
import { firstNodeRange, formatAddress, formatRange, parseRange } from "../../network/ipv4-range.ts";
import { LibpodNetworks } from "../../network/libpod-networks.ts";
import { NamespaceKernel } from "../../network/namespace-kernel.ts";
import { PodBridge } from "../../network/pod-bridge.ts";
import { routeConflict } from "../../network/route-conflict.ts";
import { ServiceRouter } from "../../network/service-router.ts";
import { type ServiceTable } from "../../network/service-table.ts";
import type { EndpointDrain } from "../../runtime/ports.ts";
import { type AgentConfig, ConfigError } from "../config/agent-config.ts";
import { DataplaneClient } from "../dataplane/client.ts";
import type { DataplaneState } from "../dataplane/protocol.ts";
import { controlSocketPath } from "../supervisor/run-supervisor.ts";
import type { AgentDeps, State } from "./state.ts";
import type { Trust } from "./trust.ts";
import { TrafficProjection, type TrafficSink } from "./traffic-projection.ts";

/** The name of Podman's network, of its bridge and of what belongs to them. */
const NETWORK = "podman-swarm";
/** Where the dataplane answers names; the pods' port 53 is led here. */
const DNS_PORT = 10_053;

export interface Traffic {
  /** Run by the owner of Podman's service, once that answers. */
  readonly network: BridgePodNetwork;
  readonly dataplane: DataplaneClient;
  readonly drain: EndpointDrain;
  readonly parts: readonly Part[];
}

/** Addresses, names, services and ingress of this node: the kernel's tables and the dataplane process. */
export async function openTraffic(
  config: AgentConfig,
  deps: AgentDeps & { readonly state: State; readonly trust: Trust },
): Promise<Traffic> {
  const { clock, logger } = deps;
  const addresses = addressesOf(config);
  const dataplane = new DataplaneClient(
    { clock, logger: logger.with({ part: "dataplane" }) },
    {
      path: controlSocketPath(config.dataDir),
      // A new dataplane may live in a new namespace, in which nothing of ours is there yet.
      onConnect: () => {
        router.invalidate();
        network.check();
      },
    },
  );
  const kernel = config.rootless ? new NamespaceKernel((signal) => dataplane.waitForPid(signal)) : hostKernel;
  await refuseRouteConflict(config, kernel);
  const router = new ServiceRouter(
    { kernel, clock, logger: logger.with({ part: "services" }) },
    {
      bridge: NETWORK,
      gateway: addresses.gateway,
      podCidr: config.podCidr,
      serviceCidr: config.serviceCidr,
      dns: { addresses: [addresses.gateway, addresses.dns], port: DNS_PORT, alsoAt: config.dnsPort },
    },
  );
  const network = await openNetwork(config, {
    ...deps,
    kernel,
    addresses,
    // As root the pods' bridge is the host's: a dataplane that starts again would find no other namespace.
    ...(config.rootless
      ? { onLostNamespace: () => dataplane.restart("the pods' network namespace was replaced") }
      : {}),
    onRestored: restoredTeller(config, deps.state),
  });
  const sink = new DataplaneSink({ dataplane, router, gateway: addresses.gateway, rootless: config.rootless });
  const projection = projectionInto(sink, { ...deps, config, addresses });
  return {
    network,
    dataplane,
    drain: {
      drained: async (podIp, timeoutMs) => {
        await Promise.all([router.drained(podIp, timeoutMs), dataplane.drained(podIp, timeoutMs)]);
      },
    },
    parts: [
      { name: "dataplane client", run: (signal) => dataplane.run(signal) },
      {
        name: "address clean-up",
        run: (signal) => releaseLeftAddresses({ network, objects: deps.state.objects, signal }),
      },
      { name: "service router", run: (signal) => router.run(signal) },
      { name: "traffic projection", run: (signal) => projection.run(signal) },
    ],
  };
}

/** Gives back, once, the addresses of pods that were removed while the agent was not there. Lasts until the signal. */
async function releaseLeftAddresses({
  network,
  objects,
  signal,
}: {
  readonly network: BridgePodNetwork;
  readonly objects: State["objects"];
  readonly signal: AbortSignal;
}): Promise<void> {
  await Promise.race([network.up, untilAborted(signal)]);
  if (signal.aborted) return;
  await network.releaseAllBut(new Set(objects.list("Pod").map(({ metadata }) => metadata?.uid ?? "")));
  await untilAborted(signal);
}

interface ProjectionDeps extends AgentDeps {
  readonly state: State;
  readonly trust: Trust;
  readonly config: AgentConfig;
  readonly addresses: Addresses;
}

function projectionInto(sink: TrafficSink, deps: ProjectionDeps): TrafficProjection {
  const { clock, logger, state, trust, config, addresses } = deps;
  const { nodeName, clusterDomain, podCidr, serviceCidr, upstreamDns } = config;
  const recorder = state.recorder({ component: "ingress-controller", host: nodeName });
  return new TrafficProjection(
    { objects: state.objects, recorder, sink, clock, logger },
    {
      nodeName,
      clusterDomain,
      podCidr,
      serviceCidr,
      upstreamDns,
      dnsServers: [addresses.gateway],
      ingressAddresses: config.enableIngress ? [config.advertiseAddr] : [],
      ingressCertificate: trust.ingress,
    },
  );
}

interface Addresses {
  readonly subnet: string;
  readonly gateway: string;
  readonly anchor: string;
  /** The DNS service's virtual address: the tenth of the service range, as is usual. */
  readonly dns: string;
}

function addressesOf({ podCidr, serviceCidr }: AgentConfig): Addresses {
  const range = firstNodeRange(parseRange(podCidr));
  return {
    subnet: formatRange(range),
    gateway: formatAddress(range.base + 1),
    anchor: formatAddress(range.base + 2),
    dns: formatAddress(parseRange(serviceCidr).base + 10),
  };
}

async function refuseRouteConflict(config: AgentConfig, kernel: typeof hostKernel): Promise<void> {
  // Rootless pods have a namespace of their own, in which nothing else has routes.
  if (config.rootless) return;
  const routes = JSON.parse((await kernel.run(["ip", "-j", "-4", "route", "show", "table", "main"])) || "[]") as {
    dst?: string;
    dev?: string;
  }[];
  const wanted = [
    { range: parseRange(config.podCidr), flag: "--pod-cidr" },
    { range: parseRange(config.serviceCidr), flag: "--service-cidr" },
  ];
  const conflict = routeConflict(wanted, routes, NETWORK);
  if (conflict !== undefined) throw new ConfigError(conflict);
}

/** Tells on the Node that somebody had removed the pods' bridge. */
function restoredTeller({ nodeName }: AgentConfig, state: State): (containers: number) => void {
  const recorder = state.recorder({ component: "podman-swarm-agent", host: nodeName });
  return (containers) => {
    recorder.record({
      regarding: { kind: "Node", apiVersion: "v1", name: nodeName },
      type: "Warning",
      reason: "PodNetworkRestored",
      message: `The bridge ${NETWORK} had been removed. It is there again, and ${containers} containers are connected to it anew; none was restarted.`,
    });
  };
}

interface NetworkDeps extends AgentDeps {
  readonly kernel: typeof hostKernel;
  readonly addresses: Addresses;
  readonly onLostNamespace?: () => void;
  readonly onRestored: (containers: number) => void;
}

async function openNetwork(
  config: AgentConfig,
  { clock, logger, kernel, addresses, onLostNamespace, onRestored }: NetworkDeps,
): Promise<BridgePodNetwork> {
  const { subnet, gateway, anchor } = addresses;
  const book = await AddressBook.open(
    { clock, file: new AddressFile(join(config.dataDir, "pod-addresses.json")) },
    { range: parseRange(subnet), reserved: [gateway, anchor] },
  );
  return new BridgePodNetwork(
    {
      podman: new LibpodNetworks(config.podmanSocket),
      bridge: new PodBridge(kernel, NETWORK),
      addresses: book,
      clock,
      logger: logger.with({ part: "network" }),
    },
    {
      network: { name: NETWORK, bridge: NETWORK, subnet, gateway },
      anchor: { name: `${NETWORK}-anchor`, ip: anchor },
      serviceCidr: config.serviceCidr,
      dns: { servers: [addresses.dns], clusterDomain: config.clusterDomain, hostSearches: hostSearches() },
      ...(onLostNamespace === undefined ? {} : { onLostNamespace }),
      onRestored,
    },
  );
}

function hostSearches(): string[] {
  const line = /^\s*search\s+(.*)$/m.exec(readResolvConf());
  return line?.[1]?.trim().split(/\s+/) ?? [];
}

function readResolvConf(): string {
  try {
    return readFileSync("/etc/resolv.conf", "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

interface SinkDeps {
  readonly dataplane: DataplaneClient;
  readonly router: ServiceRouter;
  readonly gateway: string;
  readonly rootless: boolean;
}

/** Sends what is wanted to the two that do it, and tells the dataplane which pod addresses it uses. */
class DataplaneSink implements TrafficSink {
  readonly #deps: SinkDeps;
  #state: DataplaneState = {};
  #ingressAddresses: ReadonlySet<string> = new Set();

  constructor(deps: SinkDeps) {
    this.#deps = deps;
  }

  dns(snapshot: Parameters<TrafficSink["dns"]>[0]): void {
    const { gateway, rootless } = this.#deps;
    const dns = { listen: [{ host: gateway, port: DNS_PORT }], snapshot, ...(rootless ? { fromHost: true } : {}) };
    this.#state = { ...this.#state, dns };
    this.#publish();
  }

  ingress(snapshot: Parameters<TrafficSink["ingress"]>[0]): void {
    this.#state = { ...this.#state, ingress: snapshot };
    this.#ingressAddresses = new Set(
      Object.values(snapshot.backends).flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
    );
    this.#publish();
  }

  services(table: ServiceTable): void {
    this.#deps.router.apply(table);
  }

  #publish(): void {
    this.#deps.dataplane.publish(this.#state, this.#ingressAddresses);
  }
}
