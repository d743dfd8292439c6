import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import type { LabHost } from "./lab-host.ts";

/**
 * Ports of the machine's loopback that lead to the same ports of a host's loopback. They are free on the machine, and
 * held there, so nothing else takes them; the host itself is to listen on them. They last until `close`, and through no
 * reboot of the host.
 */
export class ForwardedPorts {
  readonly ports: readonly number[];
  readonly #relay: ChildProcess;

  private constructor(ports: readonly number[], relay: ChildProcess) {
    this.ports = ports;
    this.#relay = relay;
  }

  static async open(host: LabHost, count: number): Promise<ForwardedPorts> {
    const enter = ["--target", `${host.pid}`, "--net", "--", process.execPath];
    const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
    const relay = spawn("nsenter", [...enter, join(import.meta.dirname, "relay.ts")], { stdio: [...stdio] });
    const ports = await Promise.all(Array.from({ length: count }, () => handOver(relay)));
    return new ForwardedPorts(ports, relay);
  }

  async close(): Promise<void> {
    if (!this.#relay.connected) return;
    const ended = once(this.#relay, "exit");
    this.#relay.disconnect();
    await ended;
  }
}

/** Makes the socket out here, in the machine's network, and keeps none of it. Resolves with its port. */
async function handOver(relay: ChildProcess): Promise<number> {
  const server = await new Promise<Server>((resolve, reject) => {
    const made = createServer().once("error", reject);
    made.listen(0, "127.0.0.1", () => resolve(made));
  });
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
