import { fork } from "node:child_process";
import { once } from "node:events";

/** Starts a script in a process of its own; it sends `{ port }` once it serves. */
export async function startChild(script: URL, ...args: string[]): Promise<{ readonly port: number; stop(): void }> {
  const child = fork(script, args);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { port, stop: () => void child.kill() };
}
