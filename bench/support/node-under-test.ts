import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Pod } from "../../src/api/kinds.ts";
import type { ApiClient } from "../../src/client/api-client.ts";
import { eventually } from "../../test/poll.ts";
import { AgentProcess } from "../../test/support/agent-process.ts";

export const IMAGE = "localhost/podman-swarm/demo:1";
const BUNDLE = fileURLToPath(new URL("../../dist/podman-swarm-agent", import.meta.url));
const SOCKET = "/run/podman/podman.sock";

/** An agent from the bundle, on the machine's Podman, with what a bench does to it. */
export async function startBundledAgent(flags: readonly string[] = []): Promise<AgentProcess> {
  if (!existsSync(BUNDLE)) throw new Error("Cannot measure: there is no bundle; run npm run build first");
  const all = ["--node-name=bench", "--log-level=warn", ...flags];
  return await AgentProcess.start({ place: "machine", command: [BUNDLE], flags: all });
}

export function podmanSocket(): string {
  return SOCKET;
}

export function benchPod(name: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "bench" } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: IMAGE, command: ["sleep", "3600"] }],
      ...extra,
    },
  };
}

/** Resolves when this many pods of the default namespace are Ready, by a watch. */
export async function untilReady(client: ApiClient, names: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  const waiting = new Set(names);
  const query = {
    watch: "true",
    sendInitialEvents: "true",
    resourceVersionMatch: "NotOlderThan",
    allowWatchBookmarks: "true",
    labelSelector: "app=bench",
  };
  for await (const event of client.lines<{ type: string; object: Pod }>("/api/v1/namespaces/default/pods", {
    query,
    signal,
  })) {
    const name = event.object.metadata?.name ?? "";
    if (event.object.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"))
      waiting.delete(name);
    if (waiting.size === 0) return;
  }
  throw new Error("Cannot wait for pods: the watch ended");
}

/** Deletes all pods of the bench and resolves when they are gone. */
export async function deleteBenchPods(client: ApiClient): Promise<void> {
  const path = "/api/v1/namespaces/default/pods";
  const query = { labelSelector: "app=bench" };
  await client.json("DELETE", path, {
    query,
    body: { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 },
  });
  await eventually(async () => (await client.json<{ items: unknown[] }>("GET", path, { query })).items.length === 0, {
    timeoutMs: 120_000,
    what: "no pods",
  });
  await eventually(
    () => !execFileSync("podman", ["pod", "ps", "--format={{.Name}}"], { encoding: "utf8" }).includes("bench-"),
    { timeoutMs: 120_000, everyMs: 500, what: "no Podman pods" },
  );
}

/** All processes below and including one, by pid. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      continue; // It ended while we looked.
    }
  }
  const below = (pid: number): number[] => [
    pid,
    ...[...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => below(child)),
  ];
  return below(root);
}

/** Proportional set size in MB and CPU time in seconds of one process. */
export function usageOf(pid: number): { readonly pssMb: number; readonly cpuSeconds: number } {
  const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { pssMb: Number(pss) / 1024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100 };
}
