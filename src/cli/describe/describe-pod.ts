import type { Container, ContainerState, ContainerStatus, Pod, PodSpec, Probe, Volume } from "../../api/kinds.ts";
import { type Line, mapText } from "./lines.ts";

export function describePod(pod: Pod): Line[] {
  const { spec, status } = pod;
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  return [
    ["Priority", spec?.priority ?? 0],
    ["Service Account", spec?.serviceAccountName],
    ["Node", spec?.nodeName ? `${spec.nodeName}${status?.hostIP ? `/${status.hostIP}` : ""}` : undefined],
    ["Start Time", status?.startTime],
    ["Labels", mapText(pod.metadata?.labels)],
    ["Annotations", mapText(pod.metadata?.annotations)],
    ...(pod.metadata?.deletionTimestamp
      ? ([["Status", `Terminating (since ${pod.metadata.deletionTimestamp})`]] as Line[])
      : ([["Status", status?.phase]] as Line[])),
    ...(status?.reason ? ([["Reason", status.reason]] as Line[]) : []),
    ...(status?.message ? ([["Message", status.message]] as Line[]) : []),
    ["IP", status?.podIP],
    ...(owner ? ([["Controlled By", `${owner.kind}/${owner.name}`]] as Line[]) : []),
    ...(spec?.initContainers
      ? [{ title: "Init Containers", lines: containers(spec.initContainers, status?.initContainerStatuses) }]
      : []),
    { title: "Containers", lines: containers(spec?.containers ?? [], status?.containerStatuses) },
    {
      title: "Conditions",
      rows: [
        ["Type", "Status", "Reason", "Message"],
        ...(status?.conditions ?? []).map((c) => [c.type, c.status, c.reason ?? "", c.message ?? ""]),
      ],
    },
    {
      title: "Volumes",
      lines: (spec?.volumes ?? []).map((volume) => ({ title: volume.name, lines: volumeLines(volume) })),
    },
    ["QoS Class", status?.qosClass],
    ["Node-Selectors", mapText(spec?.nodeSelector)],
    ["Tolerations", tolerations(spec)],
  ];
}

function containers(list: readonly Container[], statuses: readonly ContainerStatus[] | undefined): Line[] {
  return list.map((container) => {
    const status = statuses?.find((candidate) => candidate.name === container.name);
    return { title: container.name, lines: containerLines(container, status) };
  });
}

/** A container, as pods and templates show it. */
export function containerLines(container: Container, status?: ContainerStatus): Line[] {
  const words = (list: readonly string[] | undefined): string => (list ?? []).join("\n");
  const ports = container.ports ?? [];
  const resources = (map: Readonly<Record<string, string>> | undefined): Line[] =>
    Object.entries(map ?? {}).map(([name, amount]) => [name, amount] as const);
  return [
    ...(status ? ([["Container ID", status.containerID]] as Line[]) : []),
    ["Image", container.image],
    ...(status ? ([["Image ID", status.imageID]] as Line[]) : []),
    [
      "Ports",
      ports
        .map((port) => `${port.containerPort}/${port.protocol ?? "TCP"}${port.name ? ` (${port.name})` : ""}`)
        .join(", "),
    ],
    ...(container.command ? ([["Command", words(container.command)]] as Line[]) : []),
    ...(container.args ? ([["Args", words(container.args)]] as Line[]) : []),
    ...(status ? stateLines(status) : []),
    ...(container.resources?.limits ? [{ title: "Limits", lines: resources(container.resources.limits) }] : []),
    ...(container.resources?.requests ? [{ title: "Requests", lines: resources(container.resources.requests) }] : []),
    ...probeLines(container),
    { title: "Environment", lines: environment(container) },
    [
      "Mounts",
      (container.volumeMounts ?? [])
        .map((mount) => `${mount.mountPath} from ${mount.name} (${mount.readOnly ? "ro" : "rw"})`)
        .join("\n"),
    ],
  ];
}

function stateLines(status: ContainerStatus): Line[] {
  return [
    stateLine("State", status.state),
    ...(status.lastState && Object.keys(status.lastState).length > 0
      ? [stateLine("Last State", status.lastState)]
      : []),
    ["Ready", status.ready ? "True" : "False"],
    ["Restart Count", status.restartCount],
  ];
}

function stateLine(title: string, state: ContainerState | undefined): Line {
  if (state?.running) return { title, value: "Running", lines: [["Started", state.running.startedAt]] };
  if (state?.terminated) {
    const { reason, message, exitCode, startedAt, finishedAt } = state.terminated;
    const shown: Line[] = [
      ["Reason", reason],
      ...(message ? ([["Message", message]] as Line[]) : []),
      ["Exit Code", exitCode],
      ["Started", startedAt],
      ["Finished", finishedAt],
    ];
    return { title, value: "Terminated", lines: shown };
  }
  const waiting = state?.waiting;
  return {
    title,
    value: "Waiting",
    lines: [
      ...(waiting?.reason ? ([["Reason", waiting.reason]] as Line[]) : []),
      ...(waiting?.message ? ([["Message", waiting.message]] as Line[]) : []),
    ],
  };
}

function probeLines(container: Container): Line[] {
  const named: readonly (readonly [string, Probe | undefined])[] = [
    ["Liveness", container.livenessProbe],
    ["Readiness", container.readinessProbe],
    ["Startup", container.startupProbe],
  ];
  return named.flatMap(([title, probe]): Line[] => (probe ? [[title, probeText(probe)]] : []));
}

function probeText(probe: Probe): string {
  const { httpGet, tcpSocket, exec, grpc } = probe;
  const what = httpGet
    ? `http-get ${(httpGet.scheme ?? "HTTP").toLowerCase()}://${httpGet.host ?? ""}:${httpGet.port}${httpGet.path ?? "/"}`
    : tcpSocket
      ? `tcp-socket :${tcpSocket.port}`
      : grpc
        ? `grpc <pod>:${grpc.port} ${grpc.service ?? ""}`.trim()
        : `exec [${(exec?.command ?? []).join(" ")}]`;
  return `${what} delay=${probe.initialDelaySeconds ?? 0}s timeout=${probe.timeoutSeconds ?? 1}s period=${probe.periodSeconds ?? 10}s #success=${probe.successThreshold ?? 1} #failure=${probe.failureThreshold ?? 3}`;
}

function environment(container: Container): Line[] {
  const from = (container.envFrom ?? []).map((source): Line => {
    const name = source.configMapRef?.name ?? source.secretRef?.name ?? "";
    return [
      name,
      `${source.configMapRef ? "ConfigMap" : "Secret"} as variables${source.prefix ? ` with prefix ${source.prefix}` : ""}`,
    ];
  });
  const own = (container.env ?? []).map((variable): Line => {
    const source = variable.valueFrom;
    if (!source) return [variable.name, variable.value];
    if (source.configMapKeyRef)
      return [
        variable.name,
        `<set to the key '${source.configMapKeyRef.key}' of config map '${source.configMapKeyRef.name}'>`,
      ];
    if (source.secretKeyRef)
      return [variable.name, `<set to the key '${source.secretKeyRef.key}' in secret '${source.secretKeyRef.name}'>`];
    return [
      variable.name,
      source.fieldRef
        ? `(${source.fieldRef.apiVersion ?? "v1"}:${source.fieldRef.fieldPath})`
        : `(${source.resourceFieldRef?.resource})`,
    ];
  });
  return [...from, ...own];
}

function volumeLines(volume: Volume): Line[] {
  const type = Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
  const source = (volume as unknown as Record<string, unknown>)[type];
  const details = typeof source === "object" && source !== null ? Object.entries(source) : [];
  return [
    ["Type", type],
    ...details.map(([name, value]): Line => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
  ];
}

function tolerations(spec: PodSpec | undefined): string {
  return (spec?.tolerations ?? [])
    .map(
      (one) =>
        `${one.key ?? ""}${one.value ? `=${one.value}` : ""}${one.effect ? `:${one.effect}` : ""}${one.operator === "Exists" ? " op=Exists" : ""}${one.tolerationSeconds === undefined ? "" : ` for ${one.tolerationSeconds}s`}`,
    )
    .join("\n");
}
