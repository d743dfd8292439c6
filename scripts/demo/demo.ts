import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { root } from "../root.ts";

export const run = promisify(execFile);

const isRoot = process.getuid?.() === 0;
const dataHome = isRoot ? "/var/lib" : (process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"));

/** Where the demo keeps everything; never the place of a real node. */
export const DEMO = {
  dataDir: join(dataHome, "podman-swarm-demo"),
  pidFile: join(dataHome, "podman-swarm-demo/demo.pid"),
  logFile: join(dataHome, "podman-swarm-demo/agent.log"),
  /** What the machine was like before, for putting it back. */
  beforeFile: join(dataHome, "podman-swarm-demo/before.json"),
  kubeconfig: join(dataHome, "podman-swarm-demo/kubeconfig"),
  manifest: join(root, "examples/hello.yaml"),
  /** Where a real node of this user would be. */
  realDataDir: join(dataHome, "podman-swarm"),
  apiPort: 16443,
  httpPort: 16080,
  ingressPort: 16000,
  ingressTlsPort: 16001,
} as const;

/** The machine's settings that an agent may change and that nothing takes back by itself. */
export const SETTINGS = isRoot
  ? ["net/ipv4/ip_forward", "net/ipv4/conf/all/send_redirects", "net/bridge/bridge-nf-call-iptables"]
  : [];

export interface Before {
  settings: Record<string, string>;
  /** Images of Podman's own that were there already. */
  images: string[];
}

/** The demo's supervisor, or undefined when it does not run. */
export function demoProcess(): number | undefined {
  if (!existsSync(DEMO.pidFile)) return undefined;
  const pid = Number(readFileSync(DEMO.pidFile, "utf8"));
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(DEMO.dataDir) ? pid : undefined;
  } catch {
    return undefined; // No such process any more.
  }
}

/** Ends the demo's supervisor, and with it the agent and the dataplane. Containers stay. */
export async function stopDemo(): Promise<void> {
  const pid = demoProcess();
  if (pid === undefined) return;
  process.kill(pid, "SIGTERM");
  if (!(await comesTrue(() => demoProcess() === undefined, 20_000))) process.kill(pid, "SIGKILL");
}

/** Looks until it is so or the time is over. */
export async function comesTrue(check: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = systemClock.monotonic() + timeoutMs;
  while (systemClock.monotonic() < deadline) {
    if (await check()) return true;
    await systemClock.sleep(100);
  }
  return false;
}

/** The text that a URL answers with, or undefined. */
export async function answer(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url);
    const text = await response.text();
    return response.ok ? text : undefined;
  } catch {
    return undefined; // Nothing listens there yet.
  }
}

/** Runs the built psctl against the demo. */
export async function psctl(...args: string[]): Promise<string> {
  const { stdout } = await run(join(root, "dist/psctl"), ["--kubeconfig", DEMO.kubeconfig, ...args]);
  return stdout;
}
