import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

/** A process that only holds a namespace; it ends when its input does, however the test ends. */
const HOLD = "echo ready; exec cat >/dev/null";

interface Host {
  readonly holder: ChildProcess;
  readonly pid: number;
  readonly port: string;
}

/**
 * Hosts of the test's own on one switch (10.77.0.N), in network namespaces below a user namespace: no root is needed,
 * nothing of the machine is touched, and all of it vanishes with the processes that hold it.
 */
export class PrivateNetwork {
  readonly #hub: ChildProcess;
  readonly #hubPid: number;
  readonly #hosts = new Map<string, Host>();

  private constructor(hub: ChildProcess, pid: number) {
    this.#hub = hub;
    this.#hubPid = pid;
  }

  static async open(): Promise<PrivateNetwork> {
    const hub = spawn("unshare", ["--user", "--map-root-user", "--net", "sh", "-c", HOLD]);
    const network = new PrivateNetwork(hub, await ready(hub));
    network.#inHub(
      "ip link add left type bridge && ip link add right type bridge && ip link set left up && ip link set right up",
    );
    return network;
  }

  /** A host with this last number of its address. */
  async addHost(name: string, number: number): Promise<string> {
    const holder = spawn("nsenter", [...this.#enterHub(), "unshare", "--net", "sh", "-c", HOLD]);
    const pid = await ready(holder);
    const port = `port${number}`;
    const address = `10.77.0.${number}`;
    this.#hosts.set(name, { holder, pid, port });
    this.#inHub(`ip link add ${port} type veth peer name eth0 netns ${pid} && ip link set ${port} master left up`);
    this.#run(pid, `ip addr add ${address}/24 dev eth0 && ip link set eth0 up && ip link set lo up`);
    return address;
  }

  /** The beginning of a command line that runs the rest on a host. */
  on(name: string): { file: string; args: string[] } {
    const host = this.#host(name);
    return { file: "nsenter", args: ["-t", String(host.pid), "-U", "--preserve-credentials", "-n", "--"] };
  }

  /** Parts `names` from all others. */
  part(names: readonly string[]): void {
    for (const name of names) this.#inHub(`ip link set ${this.#host(name).port} master right`);
  }

  heal(): void {
    for (const { port } of this.#hosts.values()) this.#inHub(`ip link set ${port} master left`);
  }

  async close(): Promise<void> {
    for (const holder of [...[...this.#hosts.values()].map((host) => host.holder), this.#hub]) {
      const ended = holder.exitCode === null ? once(holder, "exit") : undefined;
      holder.stdin?.end();
      await ended;
    }
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`Cannot find the host ${name}: it was never added`);
    return host;
  }

  #enterHub(): string[] {
    return ["-t", String(this.#hubPid), "-U", "--preserve-credentials", "-n", "--"];
  }

  #inHub(script: string): void {
    this.#run(this.#hubPid, script);
  }

  #run(pid: number, script: string): void {
    const args = ["-t", String(pid), "-U", "--preserve-credentials", "-n", "--", "sh", "-ec", script];
    const { status, stderr } = spawnSync("nsenter", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`Cannot run ${script}: ${stderr}`);
  }
}

/** The pid of the shell that says it is ready; nsenter and unshare become it. */
async function ready(holder: ChildProcess): Promise<number> {
  if (!holder.stdout || holder.pid === undefined) throw new Error("Cannot hold a namespace: no such program");
  let errors = "";
  holder.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const failed = once(holder, "exit").then(() => {
    throw new Error(`Cannot hold a namespace: ${errors}`);
  });
  await Promise.race([once(holder.stdout, "data"), failed]);
  failed.catch(() => {});
  return holder.pid;
}
