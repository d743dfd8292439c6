import type { Container, PodSpec, Volume } from "../kinds.ts";

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

const SERVED_PROJECTIONS: ReadonlySet<string> = new Set(["configMap", "secret", "downwardAPI"]);

/** Fields of a pod spec that keep a pod Pending because nothing serves them yet. Take a line out when something does. */
const UNSERVED: readonly (keyof PodSpec)[] = ["runtimeClassName", "resourceClaims", "ephemeralContainers"];

/** Warnings for what a pod asks for and nothing acts on yet. Silence means that it works. */
export function podSpecWarnings(spec: PodSpec | undefined, field: string): string[] {
  if (spec === undefined) return [];
  const pending = UNSERVED.filter((name) => !isEmpty(spec[name])).map((name) => staysPending(`${field}.${name}`));
  if (spec.hostUsers === false) pending.push(staysPending(`${field}.hostUsers`));
  if (!isEmpty(spec.resources)) pending.push(notActedOn(`${field}.resources`));
  // Without a word only where nobody has asked for an account: nearly every pod could have a token and does not use it.
  if (spec.automountServiceAccountToken === true || (spec.serviceAccountName ?? "default") !== "default") {
    pending.push(`${field}.serviceAccountName: pods get no token for the API yet`);
  }
  if (spec.schedulerName !== undefined && spec.schedulerName !== "default-scheduler") {
    pending.push(
      `${field}.schedulerName: no scheduler of that name runs here; the pod stays Pending until one binds it`,
    );
  }
  return [
    ...pending,
    ...(spec.volumes ?? []).flatMap((volume, index) => volumeWarnings(volume, `${field}.volumes[${index}]`)),
    ...(spec.initContainers ?? []).flatMap((each, index) =>
      containerWarnings(each, `${field}.initContainers[${index}]`),
    ),
    ...(spec.containers ?? []).flatMap((each, index) => containerWarnings(each, `${field}.containers[${index}]`)),
  ];
}

export function notActedOn(field: string): string {
  return `${field}: stored, but nothing acts on it yet`;
}

/** For kinds as a whole. */
export function kindNotActedOn(kind: string): () => string[] {
  return () => [`${kind} objects are stored, but nothing acts on them yet`];
}

function staysPending(field: string): string {
  return `${field}: not supported yet; the pod stays Pending`;
}

function volumeWarnings(volume: Volume, field: string): string[] {
  const kinds = Object.keys(volume).filter((kind) => !SERVED_VOLUMES.has(kind));
  const sources = (volume.projected?.sources ?? []).flatMap((source, index) =>
    Object.keys(source)
      .filter((kind) => !SERVED_PROJECTIONS.has(kind))
      .map((kind) => `projected.sources[${index}].${kind}`),
  );
  return [...kinds, ...sources].map((kind) => staysPending(`${field}.${kind}`));
}

function containerWarnings({ volumeDevices, resources, restartPolicyRules }: Container, field: string): string[] {
  return [
    ...(isEmpty(volumeDevices) ? [] : [staysPending(`${field}.volumeDevices`)]),
    ...(isEmpty(resources?.claims) ? [] : [staysPending(`${field}.resources.claims`)]),
    ...(isEmpty(restartPolicyRules) ? [] : [notActedOn(`${field}.restartPolicyRules`)]),
  ];
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
