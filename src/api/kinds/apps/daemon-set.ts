import { column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import type { DaemonSet } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { selectorUpdateErrors, workloadSelectorErrors } from "../../validation/label-selector.ts";
import { countOrPercent, nonNegative } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { kindNotActedOn } from "../unserved-fields.ts";
import { labelsCell, selectorCell, workloadTable } from "../workload-columns.ts";

export const daemonSet = declareKind({
  kind: "DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.DaemonSet" }],
  status: true,
  generation: true,
  ...workloadTable<DaemonSet>({
    columns: [
      column("Desired", "Nodes that should run a pod.", "integer"),
      column("Current", "Nodes that run one.", "integer"),
      column("Ready", "Nodes whose pod is ready.", "integer"),
      column("Up-to-date", "Nodes with a pod of the newest template.", "integer"),
      column("Available", "Nodes whose pod is available.", "integer"),
      column("Node Selector", "The nodes that it chooses."),
    ],
    cells: ({ spec, status }) => [
      status?.desiredNumberScheduled ?? 0,
      status?.currentNumberScheduled ?? 0,
      status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0,
      status?.numberAvailable ?? 0,
      labelsCell(spec?.template?.spec?.nodeSelector),
    ],
    selector: ({ spec }) => selectorCell(spec?.selector),
  }),
  applyDefaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= "RollingUpdate";
    if (spec.updateStrategy.type === "RollingUpdate") {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    applyPodTemplateDefaults(spec.template);
  },
  validate: ({ spec }) => {
    if (spec === undefined) return [];
    const { maxUnavailable, maxSurge } = spec.updateStrategy?.rollingUpdate ?? {};
    const field = "spec.updateStrategy";
    return [
      ...workloadSelectorErrors(spec.selector, spec.template?.metadata?.labels),
      ...podTemplateErrors(spec.template, { field: "spec.template", restartPolicies: ["Always"] }),
      ...oneOf(spec.updateStrategy?.type, `${field}.type`, ["OnDelete", "RollingUpdate"]),
      ...countOrPercent(maxUnavailable, `${field}.rollingUpdate.maxUnavailable`),
      ...countOrPercent(maxSurge, `${field}.rollingUpdate.maxSurge`),
      ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
      ...nonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
    ];
  },
  validateUpdate: ({ spec }, previous) => selectorUpdateErrors(spec?.selector, previous.spec?.selector),
  warnings: kindNotActedOn("DaemonSet"),
});
