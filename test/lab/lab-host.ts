import { type ChildProcess, execFileSync, spawn, type StdioOptions } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, isAbsolute, join, relative } from "node:path";
import { root } from "../../scripts/root.ts";
import { ProgramError } from "../../src/lib/host/run-program.ts";
import { enterHost, type Entrance, USER, type Visit } from "./enter-host.ts";
import type { ImageStores } from "./image-store.ts";
import { noteInit } from "./leftovers.ts";
import { childOf, killInit, type LabInit, startInit } from "./lab-process.ts";

/** Where a host shows the repository, read-only. */
const SOURCE = "/srv";

export interface LabHostOptions {
  readonly number: number;
  /** The number of hosts, for everyone's /etc/hosts. */
  readonly of: number;
  /** The lab's own folder. */
  readonly folder: string;
  readonly imageStores: ImageStores;
  /** The process whose network namespace holds the lab's switch. */
  readonly switchPid: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly stdio?: StdioOptions;
}

/**
 * A machine of the lab: network, mount, pid, uts and ipc namespaces of its own around one init, with a private /run,
 * /dev/shm, /etc/containers and container store. The rest of the file system is the machine's.
 */
export class LabHost {
  readonly name: string;
  /** The address by which the other hosts reach it. */
  readonly address: string;
  /** Its part of the machine's file system, under the same path inside and outside. */
  readonly folder: string;
  readonly #options: LabHostOptions;
  #init: LabInit | undefined;
  #cut = false;

  constructor(options: LabHostOptions) {
    this.#options = options;
    this.name = `h${options.number}`;
    this.address = addressOf(options.number);
    this.folder = join(options.folder, this.name);
  }

  /** The home of the unprivileged user. */
  get home(): string {
    return join(this.folder, "home");
  }

  /** Whether it has power. */
  get isUp(): boolean {
    return this.#init !== undefined;
  }

  /** Whether its network cable is pulled. */
  get isCut(): boolean {
    return this.#cut;
  }

  /** The pid of the host's init as seen from the test; its namespaces are the host's. */
  get pid(): number {
    if (this.#init === undefined) throw new Error(`Cannot use ${this.name}: it is not running`);
    return this.#init.pid;
  }

  /** How to get in, also for another process than this. */
  get entrance(): Entrance {
    return { pid: this.pid, homes: { root: join(this.folder, "root"), unprivileged: this.home } };
  }

  /** The path under which the host sees a file of the machine: the repository's are elsewhere. */
  path(outside: string): string {
    const inside = relative(root, outside);
    return !isAbsolute(outside) || inside.startsWith("..") ? outside : join(SOURCE, inside);
  }

  /** Makes its folders; `boot` starts it. */
  prepare(): void {
    const { folder, home } = this;
    for (const name of ["etc", "containers", "root"]) mkdirSync(join(folder, name), { recursive: true });
    mkdirSync(join(home, ".config/containers"), { recursive: true });
    cpSync("/etc/containers", join(folder, "etc-containers"), { recursive: true, dereference: true });
    rmSync(join(folder, "etc-containers/networks"), { recursive: true, force: true });
    for (const name of ["containers.conf.d", "networks"]) {
      mkdirSync(join(folder, "etc-containers", name), { recursive: true });
    }
    const own = `runroot = "/run/containers/storage"\ngraphroot = "${join(folder, "containers")}"\n`;
    const { imageStores } = this.#options;
    const storage = (images: string, paths = ""): string =>
      `[storage]\ndriver = "overlay"\n${paths}[storage.options]\nadditionalimagestores = ["${join(SOURCE, images)}"]\n`;
    writeFileSync(join(folder, "etc-containers/storage.conf"), storage(imageStores.root, own));
    // There is no systemd in a host.
    writeFileSync(
      join(folder, "etc-containers/containers.conf.d/90-lab.conf"),
      '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
    );
    writeFileSync(join(home, ".config/containers/storage.conf"), storage(imageStores.user));
    this.#writeEtc(join(folder, "etc"));
    execFileSync("chown", ["-R", `${USER.uid}:${USER.uid}`, home]);
    chmodSync(home, 0o700);
  }

  #writeEtc(etc: string): void {
    const { name, uid, ids } = USER;
    const others = Array.from({ length: this.#options.of }, (_, at) => `${addressOf(at + 1)} h${at + 1}\n`);
    const systems = (file: string): string => (existsSync(`/etc/${file}`) ? readFileSync(`/etc/${file}`, "utf8") : "");
    const files: Readonly<Record<string, string>> = {
      hosts: `127.0.0.1 localhost\n${others.join("")}`,
      hostname: `${this.name}\n`,
      "resolv.conf": "",
      passwd: `${systems("passwd")}${name}:x:${uid}:${uid}::${this.home}:/bin/sh\n`,
      group: `${systems("group")}${name}:x:${uid}:\n`,
      shadow: `${systems("shadow")}${name}:!:19000::::::\n`,
      subuid: `${name}:${ids}\n`,
      subgid: `${name}:${ids}\n`,
    };
    for (const [file, content] of Object.entries(files)) writeFileSync(join(etc, file), content);
    chmodSync(join(etc, "shadow"), 0o600);
    chownSync(join(etc, "shadow"), 0, 0);
  }

  /** Starts it, for the first time or again after `crash`: /run is empty then, and its disk as it was. */
  async boot(): Promise<void> {
    if (this.#init !== undefined) throw new Error(`Cannot boot ${this.name}: it is running`);
    const flags = ["--net", "--mount", "--uts", "--ipc", "--pid", "--mount-proc", "--propagation=private"];
    const script = join(import.meta.dirname, "host-init");
    this.#init = await startInit(flags, [script, this.folder, this.name, root, initProgram()]);
    noteInit(this.folder, this.#init.pid);
    const { number, switchPid } = this.#options;
    const port = `p${number}`;
    const mac = `02:99:00:00:00:${number.toString(16).padStart(2, "0")}`;
    sh(
      switchPid,
      `ip link add ${port} type veth peer name eth0 address ${mac} netns ${this.pid}; ip link set ${port} master br0 ${this.#cut ? "down" : "up"}`,
    );
    sh(
      this.pid,
      `ip addr add ${this.address}/24 dev eth0; ip link set eth0 up; ip route add default via ${GATEWAY}; echo 1 >/proc/sys/net/ipv4/ip_forward`,
    );
  }

  /** A power cut: every process of the host dies at once. What it wrote stays. */
  async crash(): Promise<void> {
    const init = this.#init;
    this.#init = undefined;
    if (init !== undefined) await killInit(init);
    this.#killedPort();
  }

  #killedPort(): void {
    // The kernel takes the cable's other end away, but not at once.
    const { number, switchPid } = this.#options;
    sh(switchPid, `ip link del p${number} 2>/dev/null || true`);
  }

  /** Pulls its network cable, also from a host without power. */
  cut(): void {
    this.#cut = true;
    if (!this.isUp) return;
    sh(this.#options.switchPid, `ip link set p${this.#options.number} down`);
  }

  /** Plugs its network cable in again. */
  heal(): void {
    this.#cut = false;
    if (!this.isUp) return;
    sh(this.#options.switchPid, `ip link set p${this.#options.number} up`);
  }

  /** Runs a program in the host as root and resolves with its output; rejects with a `ProgramError` when it fails. */
  run(command: readonly [string, ...string[]], options?: RunOptions): Promise<string> {
    return finished(this.spawn(command, options), { command, options });
  }

  /** The same as the unprivileged user, in its home and with the environment of its session. */
  runAsUser(command: readonly [string, ...string[]], options?: RunOptions): Promise<string> {
    return finished(this.spawnAsUser(command, options), { command, options });
  }

  /** Starts a program as root. What is spawned is a wrapper: `pidOf` tells the program's own process. */
  spawn(command: readonly [string, ...string[]], { env = {}, stdio = "pipe" }: RunOptions = {}): ChildProcess {
    return this.#enter({ as: "root", env, command }, stdio);
  }

  /** Starts a program as the unprivileged user. */
  spawnAsUser(command: readonly [string, ...string[]], { env = {}, stdio = "pipe" }: RunOptions = {}): ChildProcess {
    return this.#enter({ as: "unprivileged", env, command }, stdio);
  }

  /** The pid, as seen from the test, of a program that `spawn` or `spawnAsUser` has started. */
  pidOf(spawned: ChildProcess): number {
    return childOf(spawned.pid ?? 0);
  }

  #enter(visit: Visit, stdio: StdioOptions): ChildProcess {
    const [program = "", ...args] = enterHost(this.entrance, visit);
    return spawn(program, args, { stdio });
  }
}

/** The address of the lab's switch, which is everyone's default gateway. */
export const GATEWAY = "10.99.0.254";

function addressOf(number: number): string {
  return `10.99.0.${number}`;
}

/** Runs shell words in the network namespace of a process. */
function sh(pid: number, script: string): void {
  execFileSync("nsenter", ["--target", `${pid}`, "--net", "sh", "-euc", script], {
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** Podman's own init, which ends with its child and reaps what others leave. */
function initProgram(): string {
  const places = [
    "/usr/bin",
    "/usr/libexec/podman",
    "/usr/lib/podman",
    ...(process.env["PATH"] ?? "").split(delimiter),
  ];
  const found = places.map((place) => join(place, "catatonit")).find((path) => existsSync(path));
  if (found === undefined) throw new Error("Cannot start a lab host: catatonit is not installed");
  return found;
}

function finished(
  child: ChildProcess,
  { command, options }: { command: readonly [string, ...string[]]; options: RunOptions | undefined },
): Promise<string> {
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin?.on("error", () => {}); // a program that does not read its input tells why by its exit
    child.stdin?.end(options?.input ?? "");
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) return resolve(stdout);
      const text = `exit code ${code}: ${stderr.trim() || stdout.trim()}`;
      reject(new ProgramError(command.join(" "), { exitCode: code ?? undefined, stderr, text }));
    });
  });
}
