import type { Pod } from "../../api/kinds.ts";

/** What the host lets the container engine do. */
export interface HostAbilities {
  /** CPU and memory limits are enforced. */
  readonly limits: boolean;
  /** Files can be given to any group, and file systems mounted: the agent is root. */
  readonly ownership: boolean;
}

export const ALL_ABILITIES: HostAbilities = { limits: true, ownership: true };

/** What of a pod runs here with less than it asks for, in sentences for its Events. */
export function shortcomings(pod: Pod, { limits, ownership }: HostAbilities): string[] {
  const spec = pod.spec;
  const found: string[] = [];
  const limited = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].filter(
    ({ resources }) => resources?.limits,
  );
  if (!limits && limited.length > 0) {
    const names = limited.map(({ name }) => name).join(", ");
    found.push(`limits of ${names} are not enforced: rootless Podman on cgroups v1 ignores them; use cgroups v2`);
  }
  if (!ownership && spec?.securityContext?.fsGroup !== undefined) {
    found.push(
      "fsGroup is not applied to volumes: the agent runs without root; emptyDirs are writable for all instead",
    );
  }
  for (const { name, emptyDir } of spec?.volumes ?? []) {
    if (ownership || emptyDir?.medium !== "Memory" || emptyDir.sizeLimit === undefined) continue;
    found.push(`sizeLimit of volume ${name} is not enforced: the agent runs without root`);
  }
  return found;
}
