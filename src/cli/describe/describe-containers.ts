import type { Container, ContainerState, ContainerStatus, Pod, Probe } from "../../api/kinds.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { indented, optional, orNone, timeText, type Lines } from "./description.ts";

export interface ContainersToShow {
  readonly title: string;
  readonly containers: readonly Container[];
  readonly statuses?: readonly ContainerStatus[] | undefined;
  /** Whose fields the environment may show; a template has none. */
  readonly pod?: Pod;
  /** Before the title; the names of an indented list have one space more. */
  readonly indent?: string;
}

export function containersLines({ title, containers, statuses, pod, indent = "" }: ContainersToShow): string[] {
  const name = indent === "" ? "  " : "   ";
  return [
    containers.length === 0 ? `${indent}${title}: <none>` : `${indent}${title}:`,
    ...containers.flatMap((container) => {
      const status = statuses?.find((candidate) => candidate.name === container.name);
      return [`${name}${container.name}:`, ...indented(containerLines(container, { status, pod }), "    ")];
    }),
  ];
}

interface Around {
  readonly status: ContainerStatus | undefined;
  readonly pod: Pod | undefined;
}

function containerLines(container: Container, { status, pod }: Around): string[] {
  const ports = container.ports ?? [];
  const many = ports.length > 1 ? "s" : "";
  const portText = (of: (port: (typeof ports)[number]) => number): string =>
    orNone(ports.map((port) => `${of(port)}/${port.protocol ?? "TCP"}`).join(", "));
  return [
    ...(status ? [`Container ID:\t${status.containerID ?? ""}`] : []),
    `Image:\t${container.image ?? ""}`,
    ...(status ? [`Image ID:\t${status.imageID ?? ""}`] : []),
    `Port${many}:\t${portText(({ containerPort }) => containerPort)}`,
    `Host Port${many}:\t${portText(({ hostPort }) => hostPort ?? 0)}`,
    ...wordLines("Command", container.command),
    ...wordLines("Args", container.args),
    ...(status ? statusLines(status) : []),
    ...amountLines("Limits", container.resources?.limits),
    ...amountLines("Requests", container.resources?.requests),
    ...probeLine("Liveness", container.livenessProbe),
    ...probeLine("Readiness", container.readinessProbe),
    ...probeLine("Startup", container.startupProbe),
    ...environmentLines(container, pod),
    ...mountLines(container),
  ];
}

function wordLines(title: string, words: readonly string[] | undefined): string[] {
  if (words === undefined || words.length === 0) return [];
  return [`${title}:`, ...words.flatMap((word) => indented(word.split("\n"), "  "))];
}

function statusLines({ state, lastState, ready, restartCount }: ContainerStatus): string[] {
  return [
    ...stateLines("State", state),
    ...(lastState?.terminated ? stateLines("Last State", lastState) : []),
    `Ready:\t${ready ? "True" : "False"}`,
    `Restart Count:\t${restartCount}`,
  ];
}

function stateLines(title: string, state: ContainerState | undefined): string[] {
  if (state?.running) return [`${title}:\tRunning`, `  Started:\t${timeText(state.running.startedAt)}`];
  if (state?.terminated) {
    const { reason, message, exitCode, signal, startedAt, finishedAt } = state.terminated;
    const told = [
      ...optional("Reason", reason),
      ...optional("Message", message),
      `Exit Code:\t${exitCode}`,
      ...optional("Signal", signal || undefined),
      `Started:\t${timeText(startedAt)}`,
      `Finished:\t${timeText(finishedAt)}`,
    ];
    return [`${title}:\tTerminated`, ...indented(told, "  ")];
  }
  return [`${title}:\tWaiting`, ...indented(optional("Reason", state?.waiting?.reason), "  ")];
}

function amountLines(title: string, amounts: Readonly<Record<string, string>> | undefined): string[] {
  const entries = Object.entries(amounts ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? [] : [`${title}:`, ...entries.map(([name, amount]) => `  ${name}:\t${amount}`)];
}

function probeLine(title: string, probe: Probe | undefined): string[] {
  return probe === undefined ? [] : [`${title}:\t${probeText(probe)}`];
}

function probeText(probe: Probe): string {
  const { httpGet, tcpSocket, exec, grpc } = probe;
  const what = httpGet
    ? `http-get ${(httpGet.scheme ?? "HTTP").toLowerCase()}://${httpGet.host ?? ""}:${httpGet.port}${httpGet.path ?? "/"}`
    : tcpSocket
      ? `tcp-socket ${tcpSocket.host ?? ""}:${tcpSocket.port}`
      : grpc
        ? `grpc <pod>:${grpc.port} ${grpc.service ?? ""}`
        : `exec [${(exec?.command ?? []).join(" ")}]`;
  return `${what} delay=${probe.initialDelaySeconds ?? 0}s timeout=${probe.timeoutSeconds ?? 1}s period=${probe.periodSeconds ?? 10}s #success=${probe.successThreshold ?? 1} #failure=${probe.failureThreshold ?? 3}`;
}

function environmentLines(container: Container, pod: Pod | undefined): string[] {
  const { envFrom = [], env = [] } = container;
  const from = envFrom.map(({ prefix, configMapRef, secretRef }) => {
    const kind = `${configMapRef ? "ConfigMap" : "Secret"}${prefix ? ` with prefix '${prefix}'` : ""}`;
    const source = configMapRef ?? secretRef;
    return `  ${source?.name ?? ""}\t${kind}\tOptional: ${source?.optional ?? false}`;
  });
  return [
    ...(from.length === 0 ? [] : ["Environment Variables from:", ...from]),
    env.length === 0 ? "Environment:\t<none>" : "Environment:",
    ...env.flatMap((variable) => variableLines(variable, { container, pod })),
  ];
}

function variableLines(
  { name, value = "", valueFrom }: NonNullable<Container["env"]>[number],
  { container, pod }: { container: Container; pod: Pod | undefined },
): Lines {
  if (!valueFrom) return value.split("\n").map((line, at) => (at === 0 ? `  ${name}:\t${line}` : `\t${line}`));
  const { fieldRef, resourceFieldRef, configMapKeyRef: map, secretKeyRef: secret } = valueFrom;
  if (map) {
    return [
      `  ${name}:\t<set to the key '${map.key}' of config map '${map.name}'>\tOptional: ${map.optional ?? false}`,
    ];
  }
  if (secret) {
    const optionally = `Optional: ${secret.optional ?? false}`;
    return [`  ${name}:\t<set to the key '${secret.key}' in secret '${secret.name}'>\t${optionally}`];
  }
  if (fieldRef) {
    return [`  ${name}:\t${fieldOf(pod, fieldRef.fieldPath)} (${fieldRef.apiVersion ?? "v1"}:${fieldRef.fieldPath})`];
  }
  return resourceFieldRef
    ? [`  ${name}:\t${resourceText(container, resourceFieldRef)} (${resourceFieldRef.resource})`]
    : [];
}

/** What is known beforehand, as kubectl: only metadata. */
function fieldOf(pod: Pod | undefined, path: string): string {
  const [, of, key] = /^metadata\.(\w+)(?:\['([^']+)'\])?$/.exec(path) ?? [];
  const { name, namespace, uid, labels, annotations } = pod?.metadata ?? {};
  const plain: Readonly<Record<string, string | undefined>> = { name, namespace, uid };
  if (key === undefined) return plain[of ?? ""] ?? "";
  return (of === "labels" ? labels : of === "annotations" ? annotations : undefined)?.[key] ?? "";
}

interface ResourceField {
  readonly resource: string;
  readonly divisor?: string | number;
}

function resourceText({ resources }: Container, { resource, divisor }: ResourceField): string {
  const [group = "", name = ""] = resource.split(".", 2);
  const amount = parseQuantity((group === "limits" ? resources?.limits : resources?.requests)?.[name] ?? "0") ?? 0;
  if (amount === 0 && (resource === "limits.cpu" || resource === "limits.memory")) return "node allocatable";
  return String(Math.ceil(amount / (parseQuantity(divisor ?? "1") || 1)));
}

function mountLines({ volumeMounts = [] }: Container): string[] {
  if (volumeMounts.length === 0) return ["Mounts:\t<none>"];
  const texts = volumeMounts
    .toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : 1))
    .map(({ mountPath, name, readOnly, subPath }) => {
      const flags = [readOnly ? "ro" : "rw", ...(subPath ? [`path="${subPath}"`] : [])];
      return `  ${mountPath} from ${name} (${flags.join(",")})`;
    });
  return ["Mounts:", ...texts];
}
