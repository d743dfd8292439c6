import { isAbsolute } from "node:path";
import type { Container } from "../../api/kinds.ts";
import { expand } from "../env/expand.ts";
import { configError } from "../pod/pod-error.ts";
import type { Mount } from "../runtime-port.ts";
import type { PodVolume } from "./pod-volumes.ts";
import { SubPathError } from "./sub-path.ts";

export interface MountContext {
  readonly volumes: ReadonlyMap<string, PodVolume>;
  readonly env: Readonly<Record<string, string>>;
  /** A path for a part of a volume; `name` tells it from the others of the pod. */
  readonly subPath: (volume: PodVolume, part: { readonly subPath: string; readonly name: string }) => Promise<string>;
}

/** The container's `volumeMounts` as binds. */
export async function containerMounts(container: Container, context: MountContext): Promise<Mount[]> {
  const { volumes, env } = context;
  const mounts: Mount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = volumes.get(mount.name);
    if (volume === undefined) throw configError(`volume ${mount.name} of container ${container.name} is not there`);
    const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, env);
    const part = { subPath: subPath ?? "", name: `${container.name}.${index}` };
    mounts.push({
      source: subPath ? await context.subPath(volume, part).catch(refused) : volume.directory,
      destination: isAbsolute(mount.mountPath) ? mount.mountPath : `/${mount.mountPath}`,
      // Whoever could write into files of ours would choose what we read and remove when we renew them.
      readOnly: volume.readOnly || (mount.readOnly ?? false),
      ...(mount.mountPropagation === "HostToContainer" ? { propagation: "rslave" as const } : {}),
      ...(mount.mountPropagation === "Bidirectional" ? { propagation: "rshared" as const } : {}),
    });
  }
  return mounts;
}

function refused(error: unknown): never {
  throw error instanceof SubPathError ? configError(error.message) : error;
}
