import type { StatsFs } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { arch, cpus, hostname, release, totalmem } from "node:os";
import type { Node } from "../api/kinds.ts";
import type { NodeReading, Pressure } from "../api/node-reading.ts";
import { describeError } from "../lib/log.ts";
import type { PodmanHttp } from "./podman/podman-http.ts";
import type { Images } from "./runtime-port.ts";

type NodeStatus = NonNullable<Node["status"]>;

export interface NodeFactsDeps {
  readonly http: PodmanHttp;
  readonly images: Images;
}

export interface NodeFactsOptions {
  /** The file system whose size and filling count as the node's storage. */
  readonly dataDirectory: string;
  readonly hostIp: string;
  readonly agentVersion: string;
  readonly maxPods?: number;
  /** Not for pods: what the system and the agent need. */
  readonly reservedBytes?: number;
}

/** Upstream's eviction thresholds: less than this is pressure. */
const LEAST_MEMORY_BYTES = 100 * 2 ** 20;
const LEAST_DISK_SHARE = 0.1;
const LEAST_PIDS = 256;
/** As many images as upstream lists on a node. */
const MAX_IMAGES = 50;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", arm: "arm" };

interface Machine {
  readonly disk: StatsFs;
  /** As in `/proc/meminfo`, in bytes. */
  readonly memory: Readonly<Record<string, number>>;
}

/** Reads what the Node object says about this machine. */
export class RuntimeNodeFacts {
  readonly #deps: NodeFactsDeps;
  readonly #options: NodeFactsOptions;
  #podmanVersion: string | undefined;

  constructor(deps: NodeFactsDeps, options: NodeFactsOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** What there is here and what pods may have of it. Asks nobody but the kernel. */
  async amounts(): Promise<Pick<NodeReading, "capacity" | "allocatable">> {
    return this.#amountsOf(await this.#machine());
  }

  #amountsOf({ disk, memory }: Machine): Pick<NodeReading, "capacity" | "allocatable"> {
    const { maxPods = 110, reservedBytes = 0 } = this.#options;
    const total = memory["MemTotal"] ?? totalmem();
    const kib = (bytes: number): string => `${Math.max(0, Math.floor(bytes / 1024))}Ki`;
    const cpu = String(cpus().length);
    const diskBytes = disk.blocks * disk.bsize;
    const pods = String(maxPods);
    return {
      capacity: { cpu, memory: kib(total), "ephemeral-storage": kib(diskBytes), pods },
      allocatable: {
        cpu,
        memory: kib(total - reservedBytes),
        "ephemeral-storage": String(Math.floor(diskBytes * 0.9)),
        pods,
      },
    };
  }

  async #machine(): Promise<Machine> {
    const [disk, memory] = await Promise.all([statfs(this.#options.dataDirectory), memoryInfo()]);
    return { disk, memory };
  }

  async read(signal: AbortSignal): Promise<NodeReading> {
    const { hostIp } = this.#options;
    const notReady = await this.podmanReady(signal);
    const [images, machine, pidPressure, nodeInfo] = await Promise.all([
      notReady === undefined ? this.#images(signal) : [],
      this.#machine(),
      pids(),
      this.#nodeInfo(signal, notReady === undefined),
    ]);
    const { disk, memory } = machine;
    const total = memory["MemTotal"] ?? totalmem();
    const free = disk.bavail / Math.max(1, disk.blocks);
    return {
      ...this.#amountsOf(machine),
      nodeInfo,
      addresses: [
        { type: "InternalIP", address: hostIp },
        { type: "Hostname", address: hostname() },
      ],
      images,
      memoryPressure: { pressed: (memory["MemAvailable"] ?? total) < LEAST_MEMORY_BYTES },
      diskPressure: { pressed: free < LEAST_DISK_SHARE },
      pidPressure,
      notReady: notReady === undefined ? [] : [notReady],
    };
  }

  /** Undefined when Podman answers; otherwise why it does not. */
  async podmanReady(signal?: AbortSignal): Promise<string | undefined> {
    try {
      const response = await this.#deps.http.open({ path: "/_ping", timeoutMs: 5000, signal });
      response.resume();
      return undefined;
    } catch (error) {
      signal?.throwIfAborted();
      this.#podmanVersion = undefined;
      return `Podman does not answer: ${describeError(error)}`;
    }
  }

  async #images(signal: AbortSignal): Promise<NonNullable<NodeStatus["images"]>> {
    const images = await this.#deps.images.list(signal);
    return images
      .filter(({ names }) => names.length > 0)
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, MAX_IMAGES)
      .map(({ names, bytes }) => ({ names: [...names], sizeBytes: bytes }));
  }

  async #nodeInfo(signal: AbortSignal, podman: boolean): Promise<NodeReading["nodeInfo"]> {
    if (podman) {
      this.#podmanVersion ??= (await this.#deps.http.json<{ Version: string }>({ path: "/version", signal })).Version;
    }
    const [machineID, bootID, system] = await Promise.all([
      text("/etc/machine-id"),
      text("/proc/sys/kernel/random/boot_id"),
      text("/etc/os-release"),
    ]);
    const version = this.#options.agentVersion;
    return {
      machineID,
      systemUUID: machineID,
      bootID,
      kernelVersion: release(),
      osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(system)?.[1] ?? "Linux",
      containerRuntimeVersion: `podman://${this.#podmanVersion ?? "unknown"}`,
      kubeletVersion: version,
      kubeProxyVersion: version,
      operatingSystem: "linux",
      architecture: ARCHITECTURES[arch()] ?? arch(),
    };
  }
}

/** Empty where the file is not there: not every system has each. */
async function text(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** `/proc/meminfo` in bytes. */
async function memoryInfo(): Promise<Record<string, number>> {
  const lines = (await text("/proc/meminfo")).split("\n");
  return Object.fromEntries(
    lines.map((line): [string, number] => {
      const [name = "", value = "0"] = line.split(/:\s+/);
      return [name, Number.parseInt(value, 10) * 1024];
    }),
  );
}

/** `/proc/loadavg` has the number of tasks as its fourth field: `running/all`. */
async function pids(): Promise<Pressure> {
  const all = Number((await text("/proc/loadavg")).split(" ")[3]?.split("/")[1] ?? 0);
  const most = Number(await text("/proc/sys/kernel/pid_max"));
  return { pressed: most - all < LEAST_PIDS };
}
