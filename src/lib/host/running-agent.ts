import { connect } from "node:net";

/** The agent that runs for this user in this network namespace. */
export interface RunningAgent {
  readonly pid: number;
  readonly dataDir: string;
}

/** How long an agent may take to say who it is, in milliseconds. */
const ANSWER_MS = 1_000;

/** The abstract unix socket at which a supervisor holds its host, one for each user. */
export function hostLockName(): string {
  return `podman-swarm/${process.getuid?.() ?? 0}`;
}

/** Asks the one who holds the host. Undefined when nobody does, or when it does not answer as ours do. */
export function findRunningAgent(name = hostLockName()): Promise<RunningAgent | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ path: `\0${name}` });
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => {
      try {
        const { pid, dataDir } = JSON.parse(text) as Partial<RunningAgent>;
        resolve(typeof pid === "number" && typeof dataDir === "string" ? { pid, dataDir } : undefined);
      } catch {
        resolve(undefined); // ended meanwhile, or not one of ours
      }
    });
  });
}
