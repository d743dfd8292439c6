import type { Deployment, Pod, PodTemplateSpec, ReplicaSet, ReplicationController } from "../../api/kinds.ts";
import { containersLines } from "./describe-containers.ts";
import { tolerationTexts } from "./describe-pod.ts";
import { volumesLines } from "./describe-volumes.ts";
import {
  annotationLines,
  below,
  controllerLine,
  headLines,
  indented,
  labelLines,
  labelsText,
  nameLines,
  optional,
  selectorText,
  timeText,
  type Lines,
} from "./description.ts";

const REVISION = "deployment.kubernetes.io/revision";

/** A Deployment, with the ReplicaSets that it controls. */
export function describeDeployment(deployment: Deployment, sets: readonly ReplicaSet[]): Lines {
  const { metadata, spec, status } = deployment;
  const { type, rollingUpdate } = spec?.strategy ?? {};
  const revisionOf = ({ metadata: of }: Deployment | ReplicaSet): string | undefined => of?.annotations?.[REVISION];
  const current = sets.filter((set) => revisionOf(set) === revisionOf(deployment));
  const text = (list: readonly ReplicaSet[]): string =>
    list
      .map((set) => `${set.metadata?.name} (${set.status?.replicas ?? 0}/${set.spec?.replicas ?? 0} replicas created)`)
      .join(", ") || "<none>";
  const head = headLines(metadata);
  const names = nameLines(metadata);
  return [
    ...names,
    `CreationTimestamp:\t${timeText(metadata?.creationTimestamp)}`,
    ...head.slice(names.length),
    `Selector:\t${selectorText(spec?.selector)}`,
    `Replicas:\t${spec?.replicas ?? 0} desired | ${status?.updatedReplicas ?? 0} updated | ${status?.replicas ?? 0} total | ${status?.availableReplicas ?? 0} available | ${status?.unavailableReplicas ?? 0} unavailable`,
    `StrategyType:\t${type ?? ""}`,
    `MinReadySeconds:\t${spec?.minReadySeconds ?? 0}`,
    ...(rollingUpdate
      ? [`RollingUpdateStrategy:\t${rollingUpdate.maxUnavailable} max unavailable, ${rollingUpdate.maxSurge} max surge`]
      : []),
    ...templateLines(spec?.template),
    ...conditionLines(status?.conditions),
    ...(sets.length === 0
      ? []
      : [`OldReplicaSets:\t${text(sets.filter((set) => !current.includes(set)))}`, `NewReplicaSet:\t${text(current)}`]),
  ];
}

/** A ReplicaSet or ReplicationController, with the pods that it controls. */
export function describeReplicas(set: ReplicaSet | ReplicationController, pods: readonly Pod[]): Lines {
  const { metadata, spec, status } = set;
  const count = (phase: string): number => pods.filter((pod) => pod.status?.phase === phase).length;
  const head = headLines(metadata);
  const names = nameLines(metadata);
  return [
    ...names,
    `Selector:\t${isReplicaSet(set) ? selectorText(set.spec?.selector) : labelsText(set.spec?.selector)}`,
    ...head.slice(names.length),
    ...controllerLine(metadata),
    `Replicas:\t${status?.replicas ?? 0} current / ${spec?.replicas ?? 0} desired`,
    `Pods Status:\t${count("Running")} Running / ${count("Pending")} Waiting / ${count("Succeeded")} Succeeded / ${count("Failed")} Failed`,
    ...templateLines(spec?.template),
    ...conditionLines(status?.conditions),
  ];
}

function isReplicaSet(set: ReplicaSet | ReplicationController): set is ReplicaSet {
  return set.kind !== "ReplicationController";
}

/** Of an indented block only first lines are indented: labels further down stand behind a tab. */
export function templateLines(template: PodTemplateSpec | undefined): string[] {
  const { metadata, spec } = template ?? {};
  const inits = spec?.initContainers ?? [];
  const indent = "  ";
  const firstIndented = ([first = "", ...rest]: Lines): string[] => [indent + first, ...rest];
  return [
    "Pod Template:",
    ...firstIndented(labelLines("Labels", metadata?.labels)),
    ...(Object.keys(metadata?.annotations ?? {}).length === 0
      ? []
      : firstIndented(annotationLines(metadata?.annotations))),
    ...indented(optional("Service Account", spec?.serviceAccountName), indent),
    ...(inits.length === 0 ? [] : containersLines({ title: "Init Containers", containers: inits, indent })),
    ...containersLines({ title: "Containers", containers: spec?.containers ?? [], indent }),
    ...volumesLines(spec?.volumes, indent),
    ...indented(optional("Priority Class Name", spec?.priorityClassName), indent),
    ...firstIndented(labelLines("Node-Selectors", spec?.nodeSelector)),
    ...firstIndented(below("Tolerations", tolerationTexts(spec))),
  ];
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

function conditionLines(conditions: readonly Condition[] = []): string[] {
  if (conditions.length === 0) return [];
  return [
    "Conditions:",
    "  Type\tStatus\tReason",
    "  ----\t------\t------",
    ...conditions.map(({ type, status, reason }) => `  ${type} \t${status}\t${reason ?? ""}`),
  ];
}
