import { readFileSync } from "node:fs";
import type { HostAbilities } from "../pod/limits/host-limits.ts";

const V2_ROOT = "/sys/fs/cgroup";

export interface HostAbilitiesOptions {
  /** The user's id; undefined for root. */
  readonly uid: number | undefined;
  /** A file's text; undefined where there is none. */
  readonly read?: (path: string) => string | undefined;
}

/**
 * What this host can enforce for root, or for a user (cgroups(7)). Podman itself tells the same, but slowly and only
 * while it runs; where a controller is missing, it ignores the limits with a warning in its log, or refuses the start.
 */
export function hostAbilities({ uid, read = readIfThere }: HostAbilitiesOptions): HostAbilities {
  const rootless = uid !== undefined;
  const controllers = read(`${V2_ROOT}/cgroup.controllers`);
  if (controllers === undefined && rootless) {
    const why = "rootless Podman on cgroups v1 ignores them; use cgroups v2";
    return { cpu: why, memory: why, ownership: false, leastOomScore: ownOomScore(read) };
  }
  const there =
    controllers === undefined ? mountedControllers(read) : words(rootless ? delegated(uid, read) : controllers);
  const why = (name: string): string | undefined => {
    if (there.has(name)) return undefined;
    return rootless
      ? `the cgroup controller "${name}" is not delegated to user ${uid}; see Delegate= in systemd.resource-control(5)`
      : `this host has no cgroup controller "${name}"`;
  };
  const leastOomScore = !rootless && mayLowerOomScore(read) ? -1000 : ownOomScore(read);
  return { cpu: why("cpu"), memory: why("memory"), ownership: !rootless, leastOomScore };
}

/** CAP_SYS_RESOURCE (capabilities(7)) is number 24; of the host's own, so not that of a user namespace. */
function mayLowerOomScore(read: NonNullable<HostAbilitiesOptions["read"]>): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(read("/proc/self/status") ?? "")?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

function ownOomScore(read: NonNullable<HostAbilitiesOptions["read"]>): number {
  return Number(read("/proc/self/oom_score_adj") ?? 0);
}

/** Where Podman looks: what systemd has given the user, else what is there in our own group. */
function delegated(uid: number, read: NonNullable<HostAbilitiesOptions["read"]>): string {
  const bySystemd = `${V2_ROOT}/user.slice/user-${uid}.slice/user@${uid}.service/cgroup.controllers`;
  const own = /^0::(.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  return read(bySystemd) ?? read(`${V2_ROOT}${own === "/" ? "" : own}/cgroup.controllers`) ?? "";
}

/** On cgroups v1 each controller is a file system, which names it among its options. */
function mountedControllers(read: NonNullable<HostAbilitiesOptions["read"]>): ReadonlySet<string> {
  const lines = (read("/proc/self/mounts") ?? "").split("\n").map((line) => line.split(" "));
  return new Set(
    lines.filter(([, , type]) => type === "cgroup").flatMap(([, , , options]) => options?.split(",") ?? []),
  );
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
