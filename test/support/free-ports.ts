import { createServer, type Server } from "node:net";
import { systemRandom } from "../../src/lib/random.ts";

/**
 * Above the ports that programs have by custom, and below those of node ports and those that the kernel gives to whoever
 * names none: what was free a moment ago is taken by nobody's outgoing connection.
 */
const [FIRST, COUNT] = [12_000, 17_000];
const TRIES = 100;

/** Ports of loopback that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenOnFreePort()));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Listens on any free port of loopback. */
export async function listenOnFreePort(): Promise<Server> {
  for (let tried = 1; ; tried++) {
    try {
      return await listenOn(FIRST + Math.floor(systemRandom.next() * COUNT));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || tried === TRIES) throw error;
    }
  }
}

/** Listens on this port of loopback. */
export async function listenOn(port: number): Promise<Server> {
  return await new Promise<Server>((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
