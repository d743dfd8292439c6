import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseQuantity } from "../../api/quantity.ts";
import type { EventRecorder } from "../../api/objects.ts";
import type { PodLogs } from "../../apiserver/ports.ts";
import { NodeReporter } from "../../controllers/node/node-reporter.ts";
import type { NodeFacts } from "../../controllers/node/node-facts.ts";
import type { Clock } from "../../lib/clock.ts";
import { VERSION } from "../../lib/version.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import type { Part } from "../../lib/run-together.ts";
import { openNodeId } from "../../runtime/node-id.ts";
import { RuntimeNodeFacts } from "../../runtime/node-facts.ts";
import { PodRuntime } from "../../runtime/pod-runtime.ts";
import { hostAbilities } from "../../runtime/podman/host-abilities.ts";
import { PodmanHttp } from "../../runtime/podman/podman-http.ts";
import { PodmanImages } from "../../runtime/podman/podman-images.ts";
import { PodmanRuntime } from "../../runtime/podman/podman-runtime.ts";
import { PodmanService } from "../../runtime/podman/podman-service.ts";
import type { PodNetwork } from "../../runtime/ports.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { openTraffic, type Traffic } from "./traffic.ts";
import type { AgentDeps, State } from "./state.ts";
import type { Trust } from "./trust.ts";

/** What runs pods on this node and brings traffic to them. */
export interface Workloads {
  readonly logs: PodLogs;
  readonly traffic: Traffic;
  readonly parts: readonly Part[];
}

export async function openWorkloads(
  config: AgentConfig,
  deps: AgentDeps & { readonly state: State; readonly trust: Trust },
): Promise<Workloads> {
  const { clock, logger, random, state } = deps;
  const { objects } = state;
  const service = new PodmanService({ socketPath: config.podmanSocket, clock, log: logger.with({ part: "podman" }) });
  const http = new PodmanHttp(config.podmanSocket);
  const images = new PodmanImages({ http });
  const traffic = await openTraffic(config, deps);
  const machine = new RuntimeNodeFacts({ http, images }, factsOptions(config));
  const facts = nodeFacts(config, machine, traffic);
  const recorder = state.recorder({ component: "kubelet", host: config.nodeName });
  // Without a word to Podman, which may not answer for long while it is busy with its images.
  const allocatable = amounts((await machine.amounts()).allocatable);
  const runtime = new PodRuntime(
    {
      runtime: new PodmanRuntime({
        http,
        node: await openNodeId(config.dataDir, random),
        clock,
        log: logger.with({ part: "podman" }),
      }),
      images,
      objects,
      events: recorder,
      network: podNetwork(traffic.network, { clock, rootless: config.rootless }),
      prober: traffic.dataplane,
      drain: traffic.drain,
      clock,
      log: logger.with({ part: "runtime" }),
      node: { name: config.nodeName, hostIp: config.advertiseAddr, allocatable },
      // One node alone has the whole state.
      isSynced: () => true,
      abilities: hostAbilities({ uid: config.rootless ? process.getuid?.() : undefined }),
      clusterDomain: config.clusterDomain,
    },
    { dataDirectory: config.dataDir, memoryDirectory: memoryDirectory(config) },
  );
  // Before Podman answers there is nothing to do but fail.
  const onceServed =
    (run: Part["run"]): Part["run"] =>
    async (signal) => {
      await service.ready(signal);
      await run(signal);
    };
  state.metrics.reading("podman_swarm_pods", "Pods that this node runs.", () => runtime.size);
  return {
    logs: runtime.logs,
    traffic,
    parts: [
      { name: "Podman service", run: (signal) => service.run(signal) },
      { name: "pod runtime", run: onceServed((signal) => runtime.run(signal)) },
      { name: "pod network", run: onceServed((signal) => traffic.network.run(signal)) },
      reporterPart(config, { ...deps, facts, recorder, networkUp: traffic.network.up }),
      ...traffic.parts,
    ],
  };
}

interface ReporterDeps extends AgentDeps {
  readonly state: State;
  readonly facts: NodeFacts;
  readonly recorder: EventRecorder;
  readonly networkUp: Promise<void>;
}

function reporterPart(config: AgentConfig, { clock, logger, state, facts, recorder, networkUp }: ReporterDeps): Part {
  const identity = { name: config.nodeName, labels: config.labels };
  const log = logger.with({ part: "node" });
  const reporter = new NodeReporter({ identity, objects: state.objects, facts, recorder, clock, logger: log });
  return {
    name: "node reporter",
    run: async (signal) => {
      // A restart is no outage: until Podman and the network have had time to start, the node is what it was before.
      if (await within(clock, { milliseconds: START_PATIENCE_MS, signal }, networkUp))
        return await reporter.run(signal);
      // A node is ready from the moment when its network is, not from the next heartbeat on.
      const early = networkUp.then(() => reporter.report(signal));
      await Promise.all([reporter.run(signal), Promise.race([early, untilAborted(signal)])]);
    },
  };
}

/** How long a node that starts is not said to be unready. */
const START_PATIENCE_MS = 5000;

interface Patience {
  readonly milliseconds: number;
  readonly signal?: AbortSignal;
}

/** Whether something came to pass in this time. */
async function within(clock: Clock, { milliseconds, signal }: Patience, awaited: Promise<void>): Promise<boolean> {
  const over = new AbortController();
  const late = clock.sleep(milliseconds, AbortSignal.any([over.signal, ...(signal ? [signal] : [])])).then(
    () => false,
    () => false, // it came to pass, or nobody waits any more
  );
  try {
    return await Promise.race([awaited.then(() => true), late]);
  } finally {
    over.abort();
  }
}

/** How long a pod waits for a network that is still starting, before that becomes its failure. */
const NETWORK_PATIENCE_MS = 10_000;

function podNetwork(
  network: Traffic["network"],
  { clock, rootless }: { readonly clock: Clock; readonly rootless: boolean },
): PodNetwork {
  return {
    attach: async (pod) => {
      await within(clock, { milliseconds: NETWORK_PATIENCE_MS }, network.up);
      return await network.attach(pod);
    },
    // Rootless, the services' addresses lead somewhere in the pods' namespace only.
    resolver: (namespace) => (rootless ? undefined : network.resolver(namespace)),
    started: (uid) => network.started(uid),
    release: (uid) => network.release(uid),
  };
}

function factsOptions(config: AgentConfig): ConstructorParameters<typeof RuntimeNodeFacts>[1] {
  return { dataDirectory: config.dataDir, hostIp: config.advertiseAddr, agentVersion: `v${VERSION}` };
}

/** The runtime's view of the machine, and what keeps the pods' network from working. */
function nodeFacts(config: AgentConfig, runtime: RuntimeNodeFacts, traffic: Traffic): NodeFacts {
  return {
    read: async (signal) => {
      const look = await runtime.read(signal);
      const problem = traffic.network.problem;
      const addresses = [
        { type: "InternalIP", address: config.advertiseAddr },
        { type: "Hostname", address: config.nodeName },
      ];
      return { ...look, addresses, notReady: problem === undefined ? look.notReady : [...look.notReady, problem] };
    },
  };
}

function amounts(quantities: Readonly<Record<string, string>>): {
  cpu: number;
  memory: number;
  ephemeralStorage: number;
} {
  const of = (name: string): number => parseQuantity(quantities[name] ?? "0") ?? 0;
  return { cpu: of("cpu"), memory: of("memory"), ephemeralStorage: of("ephemeral-storage") };
}

/** Memory only: Secrets must not reach the disk. Apart for each data directory. */
function memoryDirectory(config: AgentConfig): string {
  const base = config.rootless ? (process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.getuid?.()}`) : "/run";
  const name = createHash("sha256").update(config.dataDir).digest("hex").slice(0, 12);
  const directory = join(base, "podman-swarm", name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}
