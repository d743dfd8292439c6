import { mkdir, realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import type { Container } from "../../api/kinds.ts";
import { expand } from "../env/expand.ts";
import { configError } from "../pod/pod-error.ts";
import type { Mount } from "../runtime-port.ts";

/** The container's `volumeMounts` as binds. `volumes` maps names to directories of the host. */
export async function containerMounts(
  container: Container,
  volumes: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string>>,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const root = volumes.get(mount.name);
    if (root === undefined) throw configError(`volume ${mount.name} of container ${container.name} is not there`);
    const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, env);
    mounts.push({
      source: subPath ? await inside(root, subPath) : root,
      destination: isAbsolute(mount.mountPath) ? mount.mountPath : `/${mount.mountPath}`,
      readOnly: mount.readOnly ?? false,
      ...(mount.mountPropagation === "HostToContainer" ? { propagation: "rslave" as const } : {}),
      ...(mount.mountPropagation === "Bidirectional" ? { propagation: "rshared" as const } : {}),
    });
  }
  return mounts;
}

/** The real path below `root`, made as a directory where nothing is; links must not lead out of the volume. */
async function inside(root: string, subPath: string): Promise<string> {
  if (isAbsolute(subPath) || subPath.split("/").includes("..")) {
    throw configError(`subPath ${subPath} must stay within the volume`);
  }
  const base = await realpath(root);
  const target = join(base, subPath);
  let real: string;
  try {
    real = await realpath(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(target, { recursive: true, mode: 0o777 });
    real = await realpath(target);
  }
  if (real !== base && !real.startsWith(base + sep)) {
    throw configError(`subPath ${subPath} leads out of the volume`);
  }
  return real;
}
