import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { HostLock } from "../../src/daemon/supervisor/host-lock.ts";
import { restoreHostSettings } from "../host-settings.ts";
import { root } from "../root.ts";
import { comesTrue, DEMO, demoProcesses, psctl, run, stopDemo, type Before } from "./demo.ts";

/**
 * Removes every trace of the demo, in whatever state it is, and nothing else: what another node on this host uses, too,
 * stays. Debian packages stay.
 */
async function down(): Promise<void> {
  const before = existsSync(DEMO.beforeFile)
    ? (JSON.parse(readFileSync(DEMO.beforeFile, "utf8")) as Partial<Before>)
    : {};
  await deleteExample();
  await stopDemo();
  if (await has("podman")) await removePods();
  const other = await otherNode();
  if (other === undefined) await removeShared(before);
  else console.log(`demo-down: ${other}, so what it shares with the demo stays: network, settings, images`);
  remove(memoryFolder());
  remove(DEMO.dataDir);
}

/** As long as the agent runs, it cleans up best. */
async function deleteExample(): Promise<void> {
  if (demoProcesses().length === 0 || !existsSync(DEMO.kubeconfig)) return;
  try {
    process.stdout.write(await psctl("delete", "-f", DEMO.manifest, "--ignore-not-found"));
    await comesTrue(async () => !(await psctl("get", "pods", "-o", "name")).includes("pod/hello-"), 30_000);
  } catch (error) {
    console.log(
      `demo-down: the agent does not help (${String((error as Error).message).trim()}), so Podman is cleared directly`,
    );
  }
}

/** By the label with the demo's own id: pods of other nodes are theirs. */
async function removePods(): Promise<void> {
  const idFile = join(DEMO.dataDir, "node-id");
  if (!existsSync(idFile)) return; // It never came so far as to make pods.
  const label = `label=io.podman-swarm.node=${readFileSync(idFile, "utf8").trim()}`;
  const pods = await lines("podman", ["pod", "ls", "--quiet", "--no-trunc", "--filter", label]);
  if (pods.length === 0) return;
  await quietly("podman", ["pod", "rm", "--force", "--time", "0", ...pods]);
  console.log(`removed ${pods.length} pods`);
}

/** What tells that another node is on this host, of the same user: it runs, or it has pods. */
async function otherNode(): Promise<string | undefined> {
  if (existsSync(DEMO.realDataDir)) return `${DEMO.realDataDir} holds a node of yours`;
  try {
    (await HostLock.acquire(DEMO.dataDir)).release();
  } catch (error) {
    return `another agent is there (${(error as Error).message})`;
  }
  if (!(await has("podman"))) return undefined;
  const pods = await lines("podman", ["pod", "ls", "--quiet", "--filter", "label=io.podman-swarm.pod-uid"]);
  return pods.length > 0 ? `Podman has ${pods.length} pods of another node` : undefined;
}

async function removeShared(before: Partial<Before>): Promise<void> {
  if (await has("podman")) {
    await removeNetworks(before.networks ?? []);
    await removeImages(before.images);
    process.stdout.write((await run(join(root, "scripts/setup/podman-settings"), ["--remove"])).stdout);
  }
  // As a user, the table lived in a network namespace that went with its last container.
  if (process.getuid?.() === 0) {
    for (const family of ["ip", "bridge"]) await quietly("nft", ["delete", "table", family, "podman_swarm"]);
  }
  for (const line of restoreHostSettings(before.settings ?? {})) console.log(line);
  remove(compiledCode());
}

/** With the pod that keeps each in being. */
async function removeNetworks(keep: readonly string[]): Promise<void> {
  const format = ["--format", "{{.Name}}", "--filter", "label=io.podman-swarm.managed"];
  for (const network of await lines("podman", ["network", "ls", ...format])) {
    if (keep.includes(network)) continue;
    await quietly("podman", ["pod", "rm", "--force", "--time", "0", `${network}-anchor`]);
    await quietly("podman", ["network", "rm", network]);
    console.log(`removed network ${network}`);
  }
}

async function removeImages(before: readonly string[] | undefined): Promise<void> {
  process.stdout.write((await run(join(root, "test/images/make"), ["--remove"])).stdout);
  if (before === undefined) return;
  const images = await lines("podman", ["images", "--format", "{{.Repository}}:{{.Tag}}", "localhost/podman-pause"]);
  for (const image of images) if (!before.includes(image)) await quietly("podman", ["rmi", image]);
}

function remove(path: string): void {
  if (!existsSync(path)) return;
  rmSync(path, { recursive: true, force: true });
  console.log(`removed ${path}`);
  const parent = join(path, "..");
  if (parent.endsWith("/podman-swarm") && readdirSync(parent).length === 0) rmSync(parent, { recursive: true });
}

/** Where src/lib/compile-cache.ts keeps compiled code. */
function compiledCode(): string {
  const parent = process.getuid?.() === 0 ? "/var/cache" : (process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"));
  return join(parent, "podman-swarm/compiled");
}

/** Where the agent keeps its pods' Secrets, as src/daemon/agent/workloads.ts says. */
function memoryFolder(): string {
  const uid = process.getuid?.() ?? 0;
  const base = uid === 0 ? "/run" : (process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${uid}`);
  const name = createHash("sha256").update(DEMO.dataDir).digest("hex").slice(0, 12);
  return join(base, "podman-swarm", name);
}

async function has(command: string): Promise<boolean> {
  return run("sh", ["-c", `command -v ${command}`]).then(
    () => true,
    () => false,
  );
}

async function lines(command: string, args: string[]): Promise<string[]> {
  const { stdout } = await run(command, args);
  return [...new Set(stdout.split("\n").filter((line) => line !== ""))];
}

/** For what may be gone already; whatever else goes wrong is said. */
async function quietly(command: string, args: string[]): Promise<void> {
  await run(command, args).catch((error: unknown) => {
    const said = String((error as { stderr?: string }).stderr ?? (error as Error).message).trim();
    if (!/no such|not found|does not exist/iu.test(said)) console.log(`demo-down: ${command} ${args[0]}: ${said}`);
  });
}

await down();
