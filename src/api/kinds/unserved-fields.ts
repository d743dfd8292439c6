import type { PodSpec, Volume } from "../kinds.ts";

/** Volumes that the pod runtime mounts. A pod with any other stays Pending, and its warning says so. */
const SERVED_VOLUMES: ReadonlySet<string> = new Set([
  "name",
  "emptyDir",
  "hostPath",
  "configMap",
  "secret",
  "downwardAPI",
  "projected",
]);

/** Fields of a pod spec that are stored and have no effect yet. Take a line out when something acts on it. */
const UNSERVED: readonly (keyof PodSpec)[] = [
  "affinity",
  "topologySpreadConstraints",
  "priorityClassName",
  "runtimeClassName",
  "overhead",
  "readinessGates",
  "schedulingGates",
  "resourceClaims",
  "resources",
  "setHostnameAsFQDN",
  "hostUsers",
];

export function podSpecWarnings(spec: PodSpec | undefined, field: string): string[] {
  if (spec === undefined) return [];
  const warnings = UNSERVED.filter((name) => !isEmpty(spec[name])).map((name) => notActedOn(`${field}.${name}`));
  if (spec.schedulerName !== undefined && spec.schedulerName !== "default-scheduler") {
    warnings.push(
      `${field}.schedulerName: no scheduler of that name runs here; the pod stays Pending until one binds it`,
    );
  }
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const kind = unservedVolume(volume);
    if (kind !== undefined) {
      warnings.push(
        `${field}.volumes[${index}].${kind}: volumes of this type are not supported yet; the pod stays Pending`,
      );
    }
  }
  return warnings;
}

export function notActedOn(field: string): string {
  return `${field}: stored, but nothing acts on it yet`;
}

/** For kinds as a whole. */
export function kindNotActedOn(kind: string): () => string[] {
  return () => [`${kind} objects are stored, but nothing acts on them yet`];
}

export function unservedVolume(volume: Volume): string | undefined {
  return Object.keys(volume).find((kind) => !SERVED_VOLUMES.has(kind));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
