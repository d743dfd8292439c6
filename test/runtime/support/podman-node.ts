import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod, PodSpec } from "../../../src/api/kinds.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { deadline } from "../../../src/lib/deadline.ts";
import { systemRandom } from "../../../src/lib/random.ts";
import { createLogger, type Logger } from "../../../src/lib/log.ts";
import type { PodNetwork } from "../../../src/runtime/ports.ts";
import { PodRuntime } from "../../../src/runtime/pod-runtime.ts";
import { LABEL } from "../../../src/runtime/podman/labels.ts";
import { PodmanHttp } from "../../../src/runtime/podman/podman-http.ts";
import { PodmanImages } from "../../../src/runtime/podman/podman-images.ts";
import { PodmanRuntime } from "../../../src/runtime/podman/podman-runtime.ts";
import { PodmanService } from "../../../src/runtime/podman/podman-service.ts";
import { directProber } from "./direct-prober.ts";
import { MemoryEvents, MemoryObjects } from "./memory-objects.ts";

export const IMAGE = "localhost/podman-swarm/busybox:1";
export const NETWORK = "runtime-test";

/** What Podman needs where raising limits or systemd is refused; containers.conf of our own service only. */
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=16384:16384","nproc=16384:16384"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

export interface AgentOptions {
  readonly id?: string;
  readonly objects?: MemoryObjects;
  readonly log?: Logger;
}

/** A Podman service of the test's own, with one bridge network. */
export class PodmanNode {
  readonly directory: string;
  readonly http: PodmanHttp;
  readonly service: PodmanService;
  readonly objects = new MemoryObjects();
  readonly events = new MemoryEvents();
  readonly log: Logger;
  readonly drained: string[] = [];
  readonly #ended = new AbortController();
  readonly #addresses = new Map<string, string>();
  readonly networkName: string;
  readonly #base: string;
  #serving: Promise<void> | undefined;
  readonly #agents: { stop: AbortController; run: Promise<void> }[] = [];
  #nextAddress = 10;

  private constructor(directory: string, subnet: number) {
    this.directory = directory;
    this.networkName = `${NETWORK}-${subnet}`;
    this.#base = `10.61.${subnet}`;
    const socketPath = join(directory, "podman.sock");
    this.log = createLogger({ level: (process.env["TEST_LOG"] as "debug" | undefined) ?? "error" });
    this.http = new PodmanHttp(socketPath);
    // Where there is a systemd, the machine's own settings must do.
    const own = existsSync("/run/systemd/system") ? {} : { CONTAINERS_CONF: join(directory, "containers.conf") };
    const env = { ...process.env, ...own };
    this.service = new PodmanService({ socketPath, clock: systemClock, log: this.log }, { env, checkEveryMs: 200 });
  }

  static async start(subnet: number): Promise<PodmanNode> {
    const directory = await mkdtemp(join(tmpdir(), "runtime-test-"));
    await writeFile(join(directory, "containers.conf"), CONTAINERS_CONF);
    const node = new PodmanNode(directory, subnet);
    node.#serving = node.service.run(node.#ended.signal);
    try {
      await node.service.ready(deadline(60_000, node.#ended.signal).signal);
      await node.#clean();
      const subnets = [{ subnet: `${node.#base}.0/24`, gateway: `${node.#base}.1` }];
      const body = { name: node.networkName, driver: "bridge", dns_enabled: false, subnets };
      await node.http.json({ method: "POST", path: "/networks/create", body });
      return node;
    } catch (error) {
      // A service that runs on would keep the test's process.
      await node.#close();
      throw error;
    }
  }

  get network(): PodNetwork {
    return {
      attach: async ({ uid, namespace }) => {
        const ip = this.#addresses.get(uid) ?? `${this.#base}.${this.#nextAddress++}`;
        this.#addresses.set(uid, ip);
        const dnsSearches = [`${namespace}.svc.cluster.local`, "svc.cluster.local"];
        return { network: this.networkName, ip, dnsServers: ["10.43.0.10"], dnsSearches, dnsOptions: ["ndots:5"] };
      },
      resolver: (namespace) => ({
        dnsServers: ["10.43.0.10"],
        dnsSearches: [`${namespace}.svc.cluster.local`],
        dnsOptions: [],
      }),
      started: async () => {},
      release: async (uid) => void this.#addresses.delete(uid),
    };
  }

  /** Starts a PodRuntime as an agent would; with another id, objects and log it is another node's on the same Podman. */
  startAgent({ id = this.networkName, objects = this.objects, log = this.log }: AgentOptions = {}): PodRuntime {
    const stop = new AbortController();
    const deps = { http: this.http, node: id, clock: systemClock, log };
    const allocatable = { cpu: 4, memory: 8 * 2 ** 30, ephemeralStorage: 2 ** 34 };
    const runtime = new PodRuntime(
      {
        ...deps,
        runtime: new PodmanRuntime(deps, { relistMs: 2000 }),
        images: new PodmanImages(deps),
        objects,
        events: this.events,
        network: this.network,
        prober: directProber,
        drain: { drained: async (ip) => void this.drained.push(ip) },
        node: { name: "node-1", hostIp: "192.0.2.1", allocatable },
        isSynced: () => true,
      },
      {
        dataDirectory: join(this.directory, id),
        memoryDirectory: join("/dev/shm", this.networkName, id),
        orphanCheckMs: 500,
      },
    );
    this.#agents.push({ stop, run: runtime.run(stop.signal) });
    return runtime;
  }

  async stopAgent(): Promise<void> {
    for (const { stop } of this.#agents) stop.abort(new Error("stopped by the test"));
    await Promise.all(this.#agents.splice(0).map(({ run }) => run));
  }

  async apply(spec: Partial<PodSpec>, name = `pod-${systemRandom.uuid().slice(0, 5)}`): Promise<Pod> {
    return this.objects.create("Pod", {
      metadata: { name, namespace: "default", labels: { app: "test" } },
      spec: { nodeName: "node-1", terminationGracePeriodSeconds: 1, containers: [], ...spec },
    });
  }

  pod(pod: Pod): Pod | undefined {
    return this.objects.get("Pod", { namespace: "default", name: pod.metadata?.name ?? "" });
  }

  /** The first state of the pod for which `test` holds; fails after `ms` with the last one seen. */
  async until(pod: Pod, test: (pod: Pod) => boolean, ms = 60_000): Promise<Pod> {
    const { promise, resolve, reject } = Promise.withResolvers<Pod>();
    const done = new AbortController();
    const name = pod.metadata?.name;
    const look = (object: Pod): void => {
      if (object.metadata?.name === name && test(object)) resolve(object);
    };
    this.objects.watch("Pod", ({ object }) => look(object), done.signal);
    void systemClock.sleep(ms, done.signal).then(
      () => {
        const events = this.events.all.filter(({ regarding }) => regarding.name === name);
        const said = events.map(({ reason, message }) => `${reason}: ${message}`).join("\n");
        reject(new Error(`Not in ${ms} ms: ${JSON.stringify(this.pod(pod)?.status, undefined, 1)}\n${said}`));
      },
      () => {},
    );
    return promise.finally(() => done.abort());
  }

  async gone(pod: Pod, ms = 60_000): Promise<void> {
    const deadline = systemClock.monotonic() + ms;
    while (this.pod(pod)) {
      if (systemClock.monotonic() > deadline) throw new Error(`Not gone in ${ms} ms: ${JSON.stringify(this.pod(pod))}`);
      await systemClock.sleep(20);
    }
  }

  /** Kills Podman's service without warning. */
  killService(): void {
    const { pid } = this.service;
    // Of 0 the kernel would take the whole group of the test's processes.
    if (pid === undefined) throw new Error("Cannot kill Podman's service: it does not run");
    process.kill(pid, "SIGKILL");
  }

  async stop(): Promise<void> {
    try {
      await this.stopAgent();
      await this.#clean();
    } finally {
      await this.#close();
    }
  }

  async #close(): Promise<void> {
    this.#ended.abort(new Error("the test ends"));
    await this.#serving;
    this.http.close();
    await rm(this.directory, { recursive: true, force: true });
    await rm(join("/dev/shm", this.networkName), { recursive: true, force: true });
  }

  /** Removes our pods only: those on our network. */
  async #clean(): Promise<void> {
    const filters = JSON.stringify({ label: [LABEL.podUid], network: [this.networkName] });
    const pods = await this.http.json<{ Id: string }[]>({ path: "/pods/json", query: { filters } });
    for (const { Id } of pods ?? []) {
      await this.http.json({ method: "DELETE", path: `/pods/${Id}`, query: { force: true, timeout: 0 } });
    }
    const networks = await this.http.json<{ name: string }[]>({ path: "/networks/json" });
    if (!networks.some(({ name }) => name === this.networkName)) return;
    await this.http.json({ method: "DELETE", path: `/networks/${this.networkName}`, query: { force: true } });
  }
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}
