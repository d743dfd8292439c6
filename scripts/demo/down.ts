import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { root } from "../root.ts";
import { comesTrue, DEMO, demoProcess, psctl, run, stopDemo, type Before } from "./demo.ts";

/** Removes every trace of the demo, in whatever state it is. Debian packages stay. */
async function down(): Promise<void> {
  const before = existsSync(DEMO.beforeFile)
    ? (JSON.parse(readFileSync(DEMO.beforeFile, "utf8")) as Before)
    : { settings: {}, images: undefined };
  await deleteExample();
  await stopDemo();
  const shared = existsSync(DEMO.realDataDir);
  if (shared)
    console.log(`demo-down: ${DEMO.realDataDir} holds a node of yours, so what it shares with the demo stays`);
  else await removeFromPodman(before.images);
  for (const [name, value] of shared ? [] : Object.entries(before.settings)) restore(join("/proc/sys", name), value);
  remove(DEMO.dataDir);
  if (!shared) remove(compiledCode());
}

/** As long as the agent runs, it cleans up best. */
async function deleteExample(): Promise<void> {
  if (demoProcess() === undefined || !existsSync(DEMO.kubeconfig)) return;
  try {
    process.stdout.write(await psctl("delete", "-f", DEMO.manifest, "--ignore-not-found"));
    await comesTrue(async () => !(await psctl("get", "pods", "-o", "name")).includes("pod/hello-"), 30_000);
  } catch (error) {
    console.log(
      `demo-down: the agent does not help (${String((error as Error).message).trim()}), so Podman is cleared directly`,
    );
  }
}

/** By our labels: what does not carry them is not ours. */
async function removeFromPodman(imagesBefore: readonly string[] | undefined): Promise<void> {
  if (!(await has("podman"))) return;
  const pods = await lines("podman", [
    "pod",
    "ls",
    "--quiet",
    "--no-trunc",
    "--filter",
    "label=io.podman-swarm.pod-uid",
  ]);
  if (pods.length > 0) await quietly("podman", ["pod", "rm", "--force", "--time", "0", ...pods]);
  const managed = await lines("podman", ["network", "ls", "--quiet", "--filter", "label=io.podman-swarm.managed"]);
  for (const network of managed) {
    await quietly("podman", ["network", "rm", "--force", network]);
    console.log(`removed network ${network}`);
  }
  process.stdout.write((await run(join(root, "test/images/make"), ["--remove"])).stdout);
  if (imagesBefore !== undefined) {
    const images = await lines("podman", ["images", "--format", "{{.Repository}}:{{.Tag}}", "localhost/podman-pause"]);
    for (const image of images) if (!imagesBefore.includes(image)) await quietly("podman", ["rmi", image]);
  }
  process.stdout.write((await run(join(root, "scripts/setup/podman-settings"), ["--remove"])).stdout);
  // As a user, the table lived in a network namespace that went with its last container.
  if (process.getuid?.() === 0) await quietly("nft", ["delete", "table", "ip", "podman_swarm"]);
}

function restore(file: string, value: string): void {
  if (!existsSync(file) || readFileSync(file, "utf8").trim() === value) return;
  writeFileSync(file, value);
  console.log(`restored ${file} to ${value}`);
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
