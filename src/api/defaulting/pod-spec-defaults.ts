import type { Container, PodSpec, Probe, Volume } from "../kinds.ts";

/**
 * Told of every default of a pod spec: `object[field]` is `value` where nobody said otherwise. With `zero`, a 0 counts as
 * not said (upstream's non-pointer numbers).
 */
export type VisitDefault = (
  object: Record<string, unknown>,
  defaults: Readonly<Record<string, unknown>>,
  options?: { readonly zero?: boolean },
) => void;

/** Sets what is missing. An empty string counts as missing, as in upstream. */
export const setDefaults: VisitDefault = (object, defaults, { zero = false } = {}) => {
  for (const [field, value] of Object.entries(defaults)) {
    const present = object[field];
    if (present === undefined || present === null || present === "" || (zero && present === 0)) object[field] = value;
  }
};

/** Takes out what is equal to its default. */
export const stripDefaults: VisitDefault = (object, defaults) => {
  for (const [field, value] of Object.entries(defaults)) {
    if (JSON.stringify(object[field]) === JSON.stringify(value)) delete object[field];
  }
};

/**
 * The one list of pod spec defaults (upstream's core/v1 `SetDefaults_*`): applying and stripping both walk it, so that a
 * default added here later never looks like a change of a template.
 */
export function visitPodSpecDefaults(spec: PodSpec, visit: VisitDefault): void {
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    visitContainer(container, spec.hostNetwork === true, visit);
  }
  for (const container of spec.ephemeralContainers ?? []) visitContainer(container, false, visit);
  for (const volume of spec.volumes ?? []) visitVolume(volume, visit);
  visit(bag(spec), {
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    schedulerName: "default-scheduler",
  });
}

function visitContainer(container: Container, hostNetwork: boolean, visit: VisitDefault): void {
  for (const port of container.ports ?? []) {
    visit(bag(port), { protocol: "TCP", ...(hostNetwork ? { hostPort: port.containerPort } : {}) }, { zero: true });
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) visit(bag(valueFrom.fieldRef), { apiVersion: "v1" });
    if (valueFrom?.resourceFieldRef) visit(bag(valueFrom.resourceFieldRef), { divisor: "0" });
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe !== undefined) visitProbe(probe, visit);
  }
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet) visit(bag(handler.httpGet), { path: "/", scheme: "HTTP" });
  }
  visit(bag(container), {
    imagePullPolicy: defaultPullPolicy(container.image ?? ""),
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    resources: {},
  });
}

function visitProbe(probe: Probe, visit: VisitDefault): void {
  if (probe.httpGet) visit(bag(probe.httpGet), { path: "/", scheme: "HTTP" });
  if (probe.grpc) visit(bag(probe.grpc), { service: "" });
  visit(bag(probe), { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }, { zero: true });
}

/** Readable by everyone, writable by the owner. */
const FILE_MODE = 0o644;

function visitVolume(volume: Volume, visit: VisitDefault): void {
  const { secret, configMap, downwardAPI, projected, hostPath, ephemeral, image } = volume;
  if (secret) visit(bag(secret), { defaultMode: FILE_MODE });
  if (configMap) visit(bag(configMap), { defaultMode: FILE_MODE });
  if (downwardAPI) visit(bag(downwardAPI), { defaultMode: FILE_MODE });
  if (projected) visit(bag(projected), { defaultMode: FILE_MODE });
  if (hostPath) visit(bag(hostPath), { type: "" });
  if (ephemeral?.volumeClaimTemplate?.spec)
    visit(bag(ephemeral.volumeClaimTemplate.spec), { volumeMode: "Filesystem" });
  if (image) visit(bag(image), { pullPolicy: defaultPullPolicy(image.reference ?? "") });
  const sources = [{ downwardAPI }, ...(projected?.sources ?? [])];
  for (const source of sources) {
    for (const { fieldRef } of source.downwardAPI?.items ?? [])
      if (fieldRef) visit(bag(fieldRef), { apiVersion: "v1" });
    const token = "serviceAccountToken" in source ? source.serviceAccountToken : undefined;
    if (token) visit(bag(token), { expirationSeconds: 3600 });
  }
  const unnamed = Object.keys(volume).filter((field) => field !== "name");
  if (unnamed.length === 0 || (unnamed.length === 1 && volume.emptyDir)) visit(bag(volume), { emptyDir: {} });
}

/** Always for `latest` and for no tag at all, as upstream reads an image's name. */
export function defaultPullPolicy(image: string): "Always" | "IfNotPresent" {
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

function bag(object: object): Record<string, unknown> {
  return object as Record<string, unknown>;
}
