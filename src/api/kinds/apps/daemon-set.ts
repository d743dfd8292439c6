import { isDeepStrictEqual } from "node:util";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { invalid } from "../../field-error.ts";
import { oneOf } from "../../validation/container.ts";
import { goSelector, workloadSelectorErrors } from "../../validation/label-selector.ts";
import { countOrPercent, nonNegative } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { kindNotActedOn } from "../unserved-fields.ts";
import { labelsCell, selectorCell, selectorColumn, templateCells, templateColumns } from "../workload-columns.ts";

export const daemonSet = declareKind({
  kind: "DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.DaemonSet" }],
  status: true,
  generation: true,
  columns: [
    NAME,
    column("Desired", "Nodes that should run a pod.", "integer"),
    column("Current", "Nodes that run one.", "integer"),
    column("Ready", "Nodes whose pod is ready.", "integer"),
    column("Up-to-date", "Nodes with a pod of the newest template.", "integer"),
    column("Available", "Nodes whose pod is available.", "integer"),
    column("Node Selector", "The nodes that it chooses."),
    AGE,
    ...templateColumns,
    selectorColumn,
  ],
  row: (object, context) => {
    const { metadata, spec, status } = object;
    return [
      metadata?.name ?? "",
      status?.desiredNumberScheduled ?? 0,
      status?.currentNumberScheduled ?? 0,
      status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0,
      status?.numberAvailable ?? 0,
      labelsCell(spec?.template?.spec?.nodeSelector),
      ageCell(object, context),
      ...templateCells(spec?.template),
      selectorCell(spec?.selector),
    ];
  },
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
  validateUpdate: ({ spec }, previous) =>
    isDeepStrictEqual(spec?.selector, previous.spec?.selector)
      ? []
      : [invalid("spec.selector", goSelector(spec?.selector), "field is immutable")],
  warnings: kindNotActedOn("DaemonSet"),
});
