import { ageSince } from "../../api/columns.ts";
import type { Pod, PodSpec } from "../../api/kinds.ts";
import { formatLabelSelector } from "../../api/selector.ts";
import { containersLines } from "./describe-containers.ts";
import { volumesLines } from "./describe-volumes.ts";
import {
  below,
  controllerLine,
  headLines,
  labelLines,
  nameLines,
  optional,
  orNone,
  timeText,
  type Lines,
} from "./description.ts";

/** `now` in milliseconds since the epoch. */
export function describePod(pod: Pod, now: number): Lines {
  const { metadata, spec, status } = pod;
  const ips = (status?.podIPs ?? []).map(({ ip }) => `  IP:\t${ip}`);
  return [
    ...nameLines(metadata),
    ...optional("Priority", spec?.priority),
    ...optional("Priority Class Name", spec?.priorityClassName),
    ...optional("Runtime Class Name", spec?.runtimeClassName),
    ...optional("Service Account", spec?.serviceAccountName),
    `Node:\t${spec?.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ""}` : "<none>"}`,
    ...(status?.startTime === undefined ? [] : [`Start Time:\t${timeText(status.startTime)}`]),
    ...headLines(metadata).slice(nameLines(metadata).length),
    ...stateLines(pod, now),
    ...optional("Reason", status?.reason),
    ...optional("Message", status?.message),
    `IP:\t${status?.podIP ?? ""}`,
    ...(ips.length === 0 ? ["IPs:\t<none>"] : ["IPs:", ...ips]),
    ...controllerLine(metadata),
    ...optional("NominatedNodeName", status?.nominatedNodeName),
    ...podContainers(pod),
    ...conditionLines(pod),
    ...volumesLines(spec?.volumes),
    ...optional("QoS Class", status?.qosClass),
    ...labelLines("Node-Selectors", spec?.nodeSelector),
    ...below("Tolerations", tolerationTexts(spec)),
    ...(spec?.topologySpreadConstraints?.length ? below("Topology Spread Constraints", spreadTexts(spec)) : []),
  ];
}

function stateLines({ metadata, status }: Pod, now: number): string[] {
  if (metadata?.deletionTimestamp === undefined) return [`Status:\t${orNone(status?.phase)}`];
  return [
    `Status:\tTerminating (lasts ${ageSince(metadata.deletionTimestamp, { now })})`,
    `Termination Grace Period:\t${metadata.deletionGracePeriodSeconds ?? 0}s`,
  ];
}

function podContainers(pod: Pod): string[] {
  const { spec, status } = pod;
  const inits = spec?.initContainers ?? [];
  return [
    ...(inits.length === 0
      ? []
      : containersLines({ title: "Init Containers", containers: inits, statuses: status?.initContainerStatuses, pod })),
    ...containersLines({
      title: "Containers",
      containers: spec?.containers ?? [],
      statuses: status?.containerStatuses,
      pod,
    }),
  ];
}

function conditionLines({ status }: Pod): string[] {
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return [];
  return ["Conditions:", "  Type\tStatus", ...conditions.map(({ type, status: now }) => `  ${type} \t${now} `)];
}

export function tolerationTexts(spec: Partial<PodSpec> | undefined): string[] {
  return (spec?.tolerations ?? [])
    .toSorted((a, b) => ((a.key ?? "") < (b.key ?? "") ? -1 : 1))
    .map(({ key = "", value = "", effect = "", operator = "", tolerationSeconds }) => {
      const named = `${key}${value === "" ? "" : `=${value}`}${effect === "" ? "" : `:${effect}`}`;
      const all = operator === "Exists" && value === "" ? `${key === "" && effect === "" ? "" : " "}op=Exists` : "";
      return `${named}${all}${tolerationSeconds === undefined ? "" : ` for ${tolerationSeconds}s`}`;
    });
}

function spreadTexts(spec: PodSpec | undefined): string[] {
  return (spec?.topologySpreadConstraints ?? []).map(({ topologyKey, whenUnsatisfiable, maxSkew, labelSelector }) => {
    const whose = labelSelector === undefined ? "" : ` for selector ${formatLabelSelector(labelSelector)}`;
    return `${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded${whose}`;
  });
}
