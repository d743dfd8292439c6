import { connect, createServer, type Server } from "node:net";

interface Holder {
  readonly pid: number;
  readonly dataDir: string;
}

/** How long a holder may take to say who it is, in milliseconds. */
const ANSWER_MS = 1_000;

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
  static async acquire(dataDir: string, name = `podman-swarm/${process.getuid?.() ?? 0}`): Promise<HostLock> {
    const holder: Holder = { pid: process.pid, dataDir };
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
      const other = await askHolder(name);
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

/** Undefined when it does not answer as ours do. */
function askHolder(name: string): Promise<Holder | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ path: `\0${name}` });
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => {
      try {
        const { pid, dataDir } = JSON.parse(text) as Partial<Holder>;
        resolve(typeof pid === "number" && typeof dataDir === "string" ? { pid, dataDir } : undefined);
      } catch {
        resolve(undefined); // ended meanwhile, or not one of ours
      }
    });
  });
}
