import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../scripts/root.ts";
import { eventually } from "./poll.ts";

const run = promisify(execFile);

export interface AgentOptions {
  nodeName: string;
  /** More flags, as on the command line. */
  flags?: readonly string[];
  /** What to run; the bundle in dist/ by default, or PODMAN_SWARM_AGENT (words separated by spaces). */
  command?: readonly string[];
}

/** A real agent on real Podman, with a data directory and ports of its own. */
export interface TestAgent {
  nodeName: string;
  dataDir: string;
  /** Of the API over HTTPS. */
  apiPort: number;
  /** Of the API over plain HTTP on loopback. */
  httpPort: number;
  ingressPort: number;
  /** The owner's kubeconfig, as the agent wrote it. */
  kubeconfig: string;
  supervisor: ChildProcess;
  /** The lines that the agent has logged so far. */
  log(): string;
  /** Ends the supervisor with its processes; containers and data stay. */
  stop(): Promise<void>;
  /** Stops, and removes the containers of the given namespaces and the data directory. */
  remove(namespaces: readonly string[]): Promise<void>;
}

/** Resolves when the agent says that it is ready; throws with the end of its log if it does not come up. */
export async function startAgent({
  nodeName,
  flags = [],
  command = defaultCommand(),
}: AgentOptions): Promise<TestAgent> {
  const dataDir = mkdtempSync(join(tmpdir(), "podman-swarm-agent-"));
  const [apiPort, httpPort, ingressPort, ingressTlsPort] = (await freePorts(4)) as [number, number, number, number];
  const logFile = join(dataDir, "test.log");
  const all = [
    ["--node-name", nodeName],
    ["--data-dir", dataDir],
    ["--api-addr", `127.0.0.1:${apiPort}`],
    ["--http-addr", `127.0.0.1:${httpPort}`],
    ["--ingress-port", String(ingressPort)],
    ["--ingress-tls-port", String(ingressTlsPort)],
  ].flat();
  const [file = "", ...words] = command;
  const output = openSync(logFile, "a", 0o600);
  const supervisor = spawn(file, [...words, ...all, ...flags], { cwd: root, stdio: ["ignore", output, output] });
  const failed = new Promise<never>((_, reject) => supervisor.once("error", reject));
  const log = (): string => readFileSync(logFile, "utf8");
  const stop = async (): Promise<void> => {
    if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
    const gone = new Promise((resolve) => supervisor.once("exit", resolve));
    supervisor.kill("SIGTERM");
    await gone;
  };
  const remove = async (namespaces: readonly string[]): Promise<void> => {
    await stop();
    for (const namespace of namespaces) await removePods(namespace);
    rmSync(dataDir, { recursive: true, force: true });
  };
  const file600 = join(dataDir, "kubeconfig");
  try {
    await Promise.race([
      failed,
      eventually(() => isReady(supervisor, file600, httpPort), {
        timeoutMs: 30_000,
        everyMs: 50,
        what: "a ready agent",
      }),
    ]);
  } catch (error) {
    const tail = log().split("\n").slice(-20).join("\n");
    await remove([]);
    throw new Error(`Cannot start an agent: its log ends with:\n${tail}`, { cause: error });
  }
  const kubeconfig = readFileSync(file600, "utf8");
  return { nodeName, dataDir, apiPort, httpPort, ingressPort, kubeconfig, supervisor, log, stop, remove };
}

function defaultCommand(): string[] {
  return (process.env["PODMAN_SWARM_AGENT"] ?? join(root, "dist/podman-swarm-agent")).split(" ");
}

async function isReady(supervisor: ChildProcess, kubeconfig: string, httpPort: number): Promise<boolean> {
  if (supervisor.exitCode !== null) return Promise.reject(new Error(`it ended with exit code ${supervisor.exitCode}`));
  if (!existsSync(kubeconfig)) return false;
  const answer = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
  await answer.text();
  return answer.ok;
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Takes away what an agent's pods of one namespace left in Podman. */
async function removePods(namespace: string): Promise<void> {
  const filter = `label=io.podman-swarm.pod-namespace=${namespace}`;
  const { stdout } = await run("podman", ["pod", "ls", "--quiet", "--no-trunc", "--filter", filter]);
  const pods = stdout.split("\n").filter((line) => line !== "");
  if (pods.length > 0) await run("podman", ["pod", "rm", "--force", "--time", "0", ...pods]);
}
