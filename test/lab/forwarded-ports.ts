import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { listenOn, listenOnFreePort } from "../support/free-ports.ts";
import type { LabHost } from "./lab-host.ts";

/**
 * Ports of the machine's loopback that lead to the same ports of a host's loopback. They are free on the machine, and
 * held there, so nothing else takes them; the host itself is to listen on them. They last until `close`, and through no
 * reboot of the host.
 */
export class ForwardedPorts {
  readonly ports: readonly number[];
  /** The host's init while they lead there. */
  readonly hostPid: number;
  readonly #relay: ChildProcess;

  private constructor(ports: readonly number[], { hostPid, relay }: { hostPid: number; relay: ChildProcess }) {
    this.ports = ports;
    this.hostPid = hostPid;
    this.#relay = relay;
  }

  /** The given ports, or 0 for each that may be any free one. */
  static async open(host: LabHost, wanted: readonly number[]): Promise<ForwardedPorts> {
    const enter = ["--target", `${host.pid}`, "--net", "--", process.execPath];
    const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
    const relay = spawn("nsenter", [...enter, join(import.meta.dirname, "relay.ts")], { stdio: [...stdio] });
    const ports = await Promise.all(wanted.map((port) => handOver(relay, port)));
    relay.unref();
    relay.channel?.unref();
    return new ForwardedPorts(ports, { hostPid: host.pid, relay });
  }

  async close(): Promise<void> {
    if (!this.#relay.connected) return;
    this.#relay.ref();
    const ended = once(this.#relay, "exit");
    this.#relay.disconnect();
    await ended;
  }
}

/** Makes the socket out here, in the machine's network, and keeps none of it. Resolves with its port. */
async function handOver(relay: ChildProcess, wanted: number): Promise<number> {
  const server = wanted === 0 ? await listenOnFreePort() : await listenOn(wanted);
  const { port } = server.address() as AddressInfo;
  const taken = new Promise<void>((resolve, reject) => {
    const answered = (message: unknown): void => {
      if ((message as { port: number }).port !== port) return;
      relay.off("message", answered);
      resolve();
    };
    relay.on("message", answered).once("exit", () => reject(new Error("Cannot forward ports: the relay ended")));
  });
  relay.send({ port }, server);
  await taken;
  server.close();
  return port;
}
