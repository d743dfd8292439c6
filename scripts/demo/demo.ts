import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import type { HostSettings } from "../host-settings.ts";
import { root } from "../root.ts";

export const run = promisify(execFile);

const isRoot = process.getuid?.() === 0;
const dataHome = isRoot ? "/var/lib" : (process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"));

/** Where the demo keeps everything; never the place of a real node. */
export const DEMO = {
  dataDir: join(dataHome, "podman-swarm-demo"),
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

/** What was there before, so that only the demo's own is removed. */
export interface Before {
  settings: HostSettings;
  /** Images of Podman's own. */
  images: string[];
  networks: string[];
}

/** The processes of the demo's agent: found by their command line, also when who started them was killed. */
export function demoProcesses(): number[] {
  return globSync("/proc/[0-9]*/cmdline").flatMap((file) => {
    try {
      const words = readFileSync(file, "utf8").split("\0");
      return words[words.indexOf("--data-dir") + 1] === DEMO.dataDir ? [Number(file.split("/")[2])] : [];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

/** Ends the demo's supervisor, and with it the agent and the dataplane. Containers stay. */
export async function stopDemo(): Promise<void> {
  signal("SIGTERM");
  if (await comesTrue(() => demoProcesses().length === 0, 20_000)) return;
  signal("SIGKILL");
  await comesTrue(() => demoProcesses().length === 0, 5_000);
}

function signal(name: NodeJS.Signals): void {
  for (const pid of demoProcesses()) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
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

/** The text that a URL of this machine answers with, or undefined. Not by fetch, which cannot name another host. */
export function answer(url: string, host?: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 10_000, ...(host === undefined ? {} : { headers: { host } }) }, (response) => {
      const ok = response.statusCode === 200;
      text(response).then(
        (body) => resolve(ok ? body : undefined),
        () => resolve(undefined),
      );
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(undefined)); // Nothing listens there yet.
  });
}

/** Runs the built psctl against the demo. */
export async function psctl(...args: string[]): Promise<string> {
  const { stdout } = await run(join(root, "dist/psctl"), ["--kubeconfig", DEMO.kubeconfig, ...args]);
  return stdout;
}
