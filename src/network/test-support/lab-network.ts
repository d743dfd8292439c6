import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { runProgram } from "../../lib/host/run-program.ts";
import { NamespaceKernel } from "../namespace-kernel.ts";

const PROGRAM = join(import.meta.dirname, "pod-program.ts");

/**
 * A node's network in namespaces of its own (no root needed, nothing of the machine is touched): a "host" with a bridge
 * `podswarm0` whose address is `gateway`, and pods attached to it by veths as Podman does it.
 */
export class LabNetwork {
  readonly #processes: ChildProcess[] = [];
  /** Whose namespace a process is in. */
  readonly #pods = new Map<ChildProcess, number>();
  readonly #host: number;
  readonly kernel: NamespaceKernel;

  private constructor(host: ChildProcess) {
    this.#processes.push(host);
    this.#host = host.pid ?? 0;
    this.kernel = new NamespaceKernel(() => Promise.resolve(this.#host));
  }

  static async create(gateway: string): Promise<LabNetwork> {
    // `cat` ends with our end of its input: nothing is left behind even when the test is killed.
    const host = spawn("unshare", ["--user", "--map-root-user", "--net", "sh", "-c", "echo ready; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(host.stdout, "data");
    const lab = new LabNetwork(host);
    await lab.sh(
      "ip link set lo up && ip link add podswarm0 type bridge && " +
        `ip addr add ${gateway}/24 dev podswarm0 && ip link set podswarm0 up && echo 1 > /proc/sys/net/ipv4/ip_forward`,
    );
    return lab;
  }

  /** A process that lives in the host's namespace. */
  get hostPid(): number {
    return this.#host;
  }

  async sh(script: string): Promise<string> {
    return this.kernel.run(["sh", "-c", script]);
  }

  /** Resolves with the pid that holds the pod's namespace. */
  async addPod(ip: string, gateway: string): Promise<number> {
    const holder = spawn("nsenter", [...enter(this.#host), "unshare", "--net", "sh", "-c", "echo $$; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#processes.push(holder);
    const [pid] = (await once(holder.stdout.setEncoding("utf8"), "data")) as [string];
    this.#pods.set(holder, Number(pid));
    const name = `veth${ip.split(".").at(-1)}`;
    await this.sh(
      `ip link add ${name} type veth peer name eth0 netns ${Number(pid)} && ip link set ${name} master podswarm0 up`,
    );
    const inside = `ip link set lo up && ip addr add ${ip}/24 dev eth0 && ip link set eth0 up && ip route add default via ${gateway}`;
    await this.inPod(Number(pid), inside);
    return Number(pid);
  }

  /** Ends everything in a pod's namespace and resolves when its interface is gone. */
  async removePod(pid: number, ip: string): Promise<void> {
    const inside = this.#processes.filter((child) => this.#pods.get(child) === pid);
    for (const child of inside) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await this.sh(`while ip link show veth${ip.split(".").at(-1)} >/dev/null 2>&1; do sleep 0.02; done`);
  }

  /** Runs shell words in a pod's namespace. */
  async inPod(pid: number, script: string): Promise<string> {
    return runProgram(["nsenter", ...enter(pid), "sh", "-c", script]);
  }

  /** Starts a server in a namespace; resolves when it listens. */
  async serve(pid: number, name: string, port: number): Promise<void> {
    await this.#start(pid, ["serve", name, `${port}`]);
  }

  async serveHost(name: string, port: number): Promise<void> {
    await this.#start(this.#host, ["serve", name, `${port}`]);
  }

  /** The answer, or the error's code. */
  async ask(from: number | "host", target: string, protocol: "tcp" | "udp" = "tcp"): Promise<string> {
    const [host = "", port = ""] = target.split(":");
    const pid = from === "host" ? this.#host : from;
    return runProgram(["nsenter", ...enter(pid), process.execPath, PROGRAM, "ask", host, port, protocol]);
  }

  /** Asks without pause; the returned function ends it and tells how often which name answered. */
  async loop(from: number, target: string, protocol = "tcp"): Promise<() => Promise<Record<string, number>>> {
    const [host = "", port = ""] = target.split(":");
    const child = await this.#start(from, ["loop", host, port, protocol]);
    return async () => {
      let text = "";
      child.stdout?.on("data", (chunk: string) => (text += chunk));
      child.stdin?.end();
      await once(child, "close");
      return JSON.parse(text) as Record<string, number>;
    };
  }

  async close(): Promise<void> {
    for (const child of this.#processes.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }

  async #start(pid: number, args: string[]): Promise<ChildProcess> {
    const child = spawn("nsenter", [...enter(pid), process.execPath, PROGRAM, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#processes.push(child);
    this.#pods.set(child, pid);
    await once(child.stdout.setEncoding("utf8"), "data");
    return child;
  }
}

function enter(pid: number): string[] {
  return ["--preserve-credentials", "-U", "-n", "-t", `${pid}`, "--"];
}
