import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageStores } from "./image-store.ts";
import { USER } from "./enter-host.ts";
import { GATEWAY, LabHost } from "./lab-host.ts";
import { killInit, type LabInit, startInit } from "./lab-process.ts";
import { LAB_PREFIX, noteInit, noteOwner, removeLab, removeLeftovers } from "./leftovers.ts";
import { type Pair, SwitchRules } from "./switch-rules.ts";

/**
 * Several hosts on one machine, on a switch of their own: nothing is added to the machine's network. Needs root. What a
 * killed test leaves behind ends by itself, but for files, which the next start of a lab removes.
 */
export class Lab {
  readonly hosts: readonly LabHost[];
  readonly #folder: string;
  readonly #switch: LabInit;
  readonly #rules: SwitchRules;

  private constructor(parts: { hosts: readonly LabHost[]; folder: string; switch: LabInit }) {
    this.hosts = parts.hosts;
    this.#folder = parts.folder;
    this.#switch = parts.switch;
    this.#rules = new SwitchRules(parts.switch.pid);
  }

  /** Boots all hosts. */
  static async start({ hosts: count = 1 }: { hosts?: number } = {}): Promise<Lab> {
    if (process.getuid?.() !== 0) throw new Error("Cannot start a lab: it needs root for its namespaces");
    removeLeftovers();
    const folder = mkdtempSync(join(tmpdir(), LAB_PREFIX));
    // Unprivileged users of the hosts pass through.
    chmodSync(folder, 0o711);
    noteOwner(folder);
    const script = `ip link set lo up; ip link add br0 type bridge; ip addr add ${GATEWAY}/24 dev br0; ip link set br0 up; echo ready; exec cat >/dev/null`;
    const ground = await startInit(["--net", "--pid"], ["sh", "-euc", script]);
    noteInit(folder, ground.pid);
    const options = { of: count, folder, imageStores: imageStores(USER.uid), switchPid: ground.pid };
    const hosts = Array.from({ length: count }, (_, at) => new LabHost({ ...options, number: at + 1 }));
    const lab = new Lab({ hosts, folder, switch: ground });
    try {
      for (const host of hosts) host.prepare();
      await Promise.all(hosts.map((host) => host.boot()));
      return lab;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  /** Where everything of it lies. */
  get folder(): string {
    return this.#folder;
  }

  /** The host of this number; the first is 1. */
  host(number: number): LabHost {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new Error(`Cannot use host ${number}: the lab has ${this.hosts.length}`);
    return host;
  }

  /** Runs a program beside the switch, where it can be everyone's server, at the default gateway's address. */
  onSwitch(command: readonly string[]): string[] {
    return ["nsenter", "--target", `${this.#switch.pid}`, "--net", "--", ...command];
  }

  /** From now on neither of the two reaches the other, and both reach everyone else; also through reboots of them. */
  part(pair: Pair): void {
    this.lose(100, [pair]);
  }

  /** From now on this share of packets, in percent, is lost both ways between these, by default between all. */
  lose(percent: number, pairs: readonly Pair[] = this.#allPairs()): void {
    for (const number of pairs.flat()) this.host(number);
    this.#rules.lose(pairs, percent);
  }

  /** Takes back what `part` and `lose` did. */
  mend(pairs: readonly Pair[] = this.#allPairs()): void {
    this.#rules.lose(pairs, 0);
  }

  /** What is lost now. */
  get losses(): SwitchRules["losses"] {
    return this.#rules.losses;
  }

  #allPairs(): Pair[] {
    const numbers = this.hosts.map((_, at) => at + 1);
    return numbers.flatMap((low) => numbers.filter((high) => high > low).map((high) => [low, high] as const));
  }

  /** Ends every process of every host and removes their files. */
  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.crash()));
    await killInit(this.#switch);
    removeLab(this.#folder);
  }
}
