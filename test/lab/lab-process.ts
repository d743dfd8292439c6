import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { readdirSync, readFileSync } from "node:fs";

/** The first process of a group of namespaces: with it, everything in them ends. */
export interface LabInit {
  /** As seen from here. */
  readonly pid: number;
  readonly wrapper: ChildProcess;
}

/**
 * Starts a command in new namespaces (flags of unshare(1)) and resolves when it has printed "ready". Its input stays
 * open as long as this process lives: the command is to end with it, so that a killed test leaves no process behind.
 */
export async function startInit(flags: readonly string[], command: readonly string[]): Promise<LabInit> {
  const args = [...flags, "--fork", "--kill-child=SIGKILL", "--", ...command];
  const wrapper = spawn("unshare", args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let said = "";
  const ready = Promise.withResolvers<void>();
  wrapper.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (text.includes("ready")) ready.resolve();
  });
  wrapper.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  wrapper.stdin.on("error", () => {}); // nothing is ever written
  wrapper.once("error", ready.reject);
  wrapper.once("exit", () => ready.reject(new Error(`Cannot start a lab host: ${said.trim()}`)));
  await ready.promise;
  // A test that forgets to stop its lab ends all the same.
  for (const part of [wrapper, ...wrapper.stdio]) (part as Partial<Socket> | null)?.unref?.();
  return { pid: childOf(wrapper.pid ?? 0), wrapper };
}

/** Ends the namespaces at once, as a power cut would, and resolves when every process in them is gone. */
export async function killInit({ pid, wrapper }: LabInit): Promise<void> {
  if (wrapper.exitCode !== null || wrapper.signalCode !== null) return;
  wrapper.ref();
  const gone = once(wrapper, "exit");
  // It may have ended by itself a moment ago, and its wrapper not yet.
  whileItRuns(() => process.kill(pid, "SIGKILL"));
  await gone;
}

/** The only child of a process that wraps another one. */
export function childOf(pid: number): number {
  const [child] = childrenOf(pid);
  if (child === undefined) throw new Error(`Cannot find the child of process ${pid}`);
  return child;
}

/** The kernel lists them by the thread that made them. A process or thread that ends meanwhile has none. */
export function childrenOf(pid: number): number[] {
  const threads = whileItRuns(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const lists = threads.map((thread) =>
    whileItRuns(() => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")),
  );
  return lists.flatMap((list) => list?.split(" ") ?? []).flatMap((child) => (child === "" ? [] : [Number(child)]));
}

/** What is read of a process or done to it; undefined for one that has ended. */
export function whileItRuns<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
