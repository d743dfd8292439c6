import { createServer, type Server } from "node:net";
import { findRunningAgent, hostLockName, type RunningAgent } from "../../lib/host/running-agent.ts";

/**
 * One supervisor for each user of a network namespace: bridge, service table and Podman's network have one name each, so
 * two agents would undo each other's work. Held as an abstract unix socket, which ends with its process, whatever ends it.
 */
export class HostLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Rejects when another supervisor of this user runs here, and says which. */
  static async acquire(dataDir: string, name = hostLockName()): Promise<HostLock> {
    const holder: RunningAgent = { pid: process.pid, dataDir };
    const server = createServer((socket) => {
      socket.on("error", () => {}); // Somebody asked and went away.
      socket.end(JSON.stringify(holder));
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ path: `\0${name}` }, resolve);
      });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
      const other = await findRunningAgent(name);
      const who =
        other === undefined ? "another agent" : `the agent with pid ${other.pid} and --data-dir ${other.dataDir}`;
      throw new Error(`Cannot run a second agent on this host: ${who} already runs here; stop that one first`, {
        cause,
      });
    }
    server.unref();
    return new HostLock(server);
  }

  release(): void {
    this.#server.close();
  }
}
