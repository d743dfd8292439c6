import { existsSync } from "node:fs";
import type { HostAbilities } from "../pod/host-limits.ts";

/** There on cgroups v2 only (cgroups(7)). */
const CGROUPS_V2 = "/sys/fs/cgroup/cgroup.controllers";

/** What this host can enforce for root, or for a user. Podman itself tells the same, but slowly and only while it runs. */
export function hostAbilities({ rootless }: { readonly rootless: boolean }): HostAbilities {
  // Without root, Podman ignores limits on cgroups v1 with no more than a warning in its log.
  return { limits: !rootless || existsSync(CGROUPS_V2), ownership: !rootless };
}
