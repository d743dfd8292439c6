import type { Deployment, LabelSelector, PodTemplateSpec, ReplicaSet } from "../../api/kinds.ts";
import { labelText } from "../output/table.ts";
import { containerLines } from "./describe-pod.ts";
import { type Line, mapText } from "./lines.ts";

/** A Deployment, with the ReplicaSets that it controls. */
export function describeDeployment(deployment: Deployment, sets: readonly ReplicaSet[]): Line[] {
  const { spec, status } = deployment;
  const strategy = spec?.strategy;
  const revision = deployment.metadata?.annotations?.["deployment.kubernetes.io/revision"];
  const current = sets.filter((set) => set.metadata?.annotations?.["deployment.kubernetes.io/revision"] === revision);
  const text = (list: readonly ReplicaSet[]): string =>
    list
      .map((set) => `${set.metadata?.name} (${set.status?.replicas ?? 0}/${set.spec?.replicas ?? 0} replicas created)`)
      .join(", ");
  return [
    ["Labels", mapText(deployment.metadata?.labels)],
    ["Annotations", mapText(deployment.metadata?.annotations)],
    ["Selector", selectorText(spec?.selector)],
    [
      "Replicas",
      `${spec?.replicas ?? 0} desired | ${status?.updatedReplicas ?? 0} updated | ${status?.replicas ?? 0} total | ${status?.availableReplicas ?? 0} available | ${status?.unavailableReplicas ?? 0} unavailable`,
    ],
    ["StrategyType", strategy?.type],
    ["MinReadySeconds", spec?.minReadySeconds ?? 0],
    ...(strategy?.rollingUpdate
      ? ([
          [
            "RollingUpdateStrategy",
            `${strategy.rollingUpdate.maxUnavailable} max unavailable, ${strategy.rollingUpdate.maxSurge} max surge`,
          ],
        ] as Line[])
      : []),
    ...templateLines(spec?.template),
    {
      title: "Conditions",
      rows: [
        ["Type", "Status", "Reason"],
        ...(status?.conditions ?? []).map((c) => [c.type, c.status, c.reason ?? ""]),
      ],
    },
    ["OldReplicaSets", text(sets.filter((set) => !current.includes(set) && (set.status?.replicas ?? 0) > 0))],
    ["NewReplicaSet", text(current)],
  ];
}

export function describeReplicaSet(set: ReplicaSet): Line[] {
  const owner = set.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  return [
    ["Selector", selectorText(set.spec?.selector)],
    ["Labels", mapText(set.metadata?.labels)],
    ["Annotations", mapText(set.metadata?.annotations)],
    ...(owner ? ([["Controlled By", `${owner.kind}/${owner.name}`]] as Line[]) : []),
    ["Replicas", `${set.status?.replicas ?? 0} current / ${set.spec?.replicas ?? 0} desired`],
    ["Ready", set.status?.readyReplicas ?? 0],
    ...templateLines(set.spec?.template),
  ];
}

function templateLines(template: PodTemplateSpec | undefined): Line[] {
  return [
    {
      title: "Pod Template",
      lines: [
        ["Labels", mapText(template?.metadata?.labels)],
        {
          title: "Containers",
          lines: (template?.spec?.containers ?? []).map((container) => ({
            title: container.name,
            lines: containerLines(container),
          })),
        },
      ],
    },
  ];
}

function selectorText(selector: LabelSelector | undefined): string {
  const expressions = (selector?.matchExpressions ?? []).map(
    (one) => `${one.key} ${one.operator.toLowerCase()} (${(one.values ?? []).join(",")})`,
  );
  return [...(selector?.matchLabels ? [labelText(selector.matchLabels)] : []), ...expressions].join(",");
}
