import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { identifyProcess } from "../../src/daemon/supervisor/process-identity.ts";
import { root } from "../../scripts/root.ts";

/** Where the store is kept, relative to the repository. */
const KEPT = ".cache/lab";

/** Container stores with the test images, as folders relative to the repository. */
export interface ImageStores {
  readonly root: string;
  /** The same with files that belong to the hosts' user: what is root's outside is nobody's in a user's containers. */
  readonly user: string;
}

/** Every host of every lab reads them and none writes them. Made on first use and when the images' sources change. */
export function imageStores(user: number): ImageStores {
  const store = join(KEPT, `images-${sourcesHash()}`);
  if (!existsSync(join(root, store))) makeStores(store, user);
  return { root: join(store, "root"), user: join(store, "user") };
}

function sourcesHash(): string {
  const hash = createHash("sha256").update(execFileSync("podman", ["--version"]));
  const folder = join(root, "test/images");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).toSorted(byPath)) {
    if (entry.isFile()) hash.update(readFileSync(join(entry.parentPath, entry.name)));
  }
  return hash.digest("hex").slice(0, 12);
}

function byPath(one: { parentPath: string; name: string }, other: { parentPath: string; name: string }): number {
  return join(one.parentPath, one.name) < join(other.parentPath, other.name) ? -1 : 1;
}

/** Made aside and moved, so that a store that is there is whole. */
function makeStores(store: string, user: number): void {
  const kept = join(root, KEPT);
  mkdirSync(kept, { recursive: true });
  removeUnfinished(kept);
  const aside = mkdtempSync(join(kept, `${UNFINISHED}${process.pid}-${identifyProcess(process.pid)?.started}-`));
  try {
    const both = join(aside, "both");
    mkdirSync(both);
    const [graph, run, config] = [join(both, "root"), join(aside, "run"), join(aside, "storage.conf")];
    writeFileSync(config, `[storage]\ndriver = "overlay"\ngraphroot = "${graph}"\nrunroot = "${run}"\n`);
    const env = { ...process.env, CONTAINERS_STORAGE_CONF: config };
    execFileSync(join(root, "test/images/make"), { env, stdio: ["ignore", "ignore", "inherit"] });
    // Podman builds its pause image when a pod is first made: once here instead of once in every host.
    execFileSync("podman", ["pod", "create", "--name=lab-pause"], { env, stdio: ["ignore", "ignore", "inherit"] });
    execFileSync("podman", ["pod", "rm", "--force", "lab-pause"], { env, stdio: ["ignore", "ignore", "inherit"] });
    execFileSync("chmod", ["-R", "a+rX", graph]);
    chmodSync(graph, 0o755);
    execFileSync("cp", ["-a", graph, join(both, "user")]);
    execFileSync("chown", ["-hR", `${user}:${user}`, join(both, "user")]);
    renameSync(both, join(root, store));
  } catch (error) {
    if (!existsSync(join(root, store))) throw error; // another test was faster
  } finally {
    removeAside(aside);
  }
}

/** How a store is named while its maker works on it: `new-PID-STARTED-...`. */
const UNFINISHED = "new-";

/** Of makers that were killed. */
function removeUnfinished(kept: string): void {
  for (const name of readdirSync(kept).filter((entry) => entry.startsWith(UNFINISHED))) {
    const [, pid, started] = name.split("-");
    if (identifyProcess(Number(pid))?.started !== started) removeAside(join(kept, name));
  }
}

/** With what a container in it has mounted, which a killed Podman leaves. */
function removeAside(aside: string): void {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[1] ?? [])
    .filter((path) => path.startsWith(`${aside}/`));
  for (const mount of mounts.toReversed()) execFileSync("umount", ["--lazy", mount]);
  execFileSync("rm", ["-rf", "--one-file-system", aside]);
}
