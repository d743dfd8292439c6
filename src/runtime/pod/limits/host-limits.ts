import type { Pod } from "../../../api/kinds.ts";

/** What the host lets the container engine do. */
export interface HostAbilities {
  /** Why CPU limits are not enforced; undefined where they are. */
  readonly cpu: string | undefined;
  /** Why memory limits are not enforced; undefined where they are. */
  readonly memory: string | undefined;
  /** Files can be given to any group, and file systems mounted: the agent is root. */
  readonly ownership: boolean;
  /** The lowest `oom_score_adj` that a container may be given. */
  readonly leastOomScore: number;
}

export const ALL_ABILITIES: HostAbilities = {
  cpu: undefined,
  memory: undefined,
  ownership: true,
  leastOomScore: -1000,
};

/** What of a pod runs here with less than it asks for, in sentences for its Events. */
export function shortcomings(pod: Pod, abilities: HostAbilities): string[] {
  return [...limits(pod, abilities), ...rootsRights(pod, abilities)];
}

function limits({ spec }: Pod, { cpu, memory }: HostAbilities): string[] {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const limiting = (resource: string): string =>
    containers
      .filter(({ resources }) => resources?.limits?.[resource] !== undefined)
      .map(({ name }) => name)
      .join(", ");
  const checks = [
    { resource: "cpu", what: "CPU limits", why: cpu },
    { resource: "memory", what: "memory limits", why: memory },
    { resource: "ephemeral-storage", what: "ephemeral-storage limits", why: "nothing measures what containers write" },
  ];
  return checks.flatMap(({ resource, what, why }) => {
    const names = limiting(resource);
    return names === "" || why === undefined ? [] : [`${what} of ${names} are not enforced: ${why}`];
  });
}

function rootsRights({ spec }: Pod, { ownership }: HostAbilities): string[] {
  const found: string[] = [];
  if (!ownership && spec?.securityContext?.fsGroup !== undefined) {
    found.push(
      "fsGroup is not applied to volumes: the agent runs without root; emptyDirs are writable for all instead",
    );
  }
  if (!ownership && spec?.dnsPolicy === "ClusterFirstWithHostNet" && spec.hostNetwork) {
    found.push(
      "dnsPolicy ClusterFirstWithHostNet is not applied: without root the host has no way to the cluster's DNS",
    );
  }
  for (const { name, emptyDir } of spec?.volumes ?? []) {
    if (emptyDir?.sizeLimit === undefined || ownership) continue;
    found.push(`sizeLimit of volume ${name} is not enforced: the agent runs without root`);
  }
  return found;
}
