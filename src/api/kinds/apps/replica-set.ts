import { isDeepStrictEqual } from "node:util";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { invalid } from "../../field-error.ts";
import { goSelector, workloadSelectorErrors } from "../../validation/label-selector.ts";
import { nonNegative } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { podSpecWarnings } from "../unserved-fields.ts";
import { selectorCell, selectorColumn, templateCells, templateColumns } from "../workload-columns.ts";

export const replicaSet = declareKind({
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.ReplicaSet" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "selector" },
  columns: [
    NAME,
    column("Desired", "Pods wanted.", "integer"),
    column("Current", "Pods that exist.", "integer"),
    column("Ready", "Pods that are ready.", "integer"),
    AGE,
    ...templateColumns,
    selectorColumn,
  ],
  row: (object, context) => {
    const { metadata, spec, status } = object;
    return [
      metadata?.name ?? "",
      spec?.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      ageCell(object, context),
      ...templateCells(spec?.template),
      selectorCell(spec?.selector),
    ];
  },
  applyDefaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.replicas ??= 1;
    applyPodTemplateDefaults(spec.template);
  },
  validate: ({ spec }) =>
    spec === undefined
      ? []
      : [
          ...nonNegative(spec.replicas, "spec.replicas"),
          ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
          ...workloadSelectorErrors(spec.selector, spec.template?.metadata?.labels),
          ...podTemplateErrors(spec.template, { field: "spec.template", restartPolicies: ["Always"] }),
        ],
  validateUpdate: ({ spec }, previous) =>
    isDeepStrictEqual(spec?.selector, previous.spec?.selector)
      ? []
      : [invalid("spec.selector", goSelector(spec?.selector), "field is immutable")],
  warnings: ({ spec }) => podSpecWarnings(spec?.template?.spec, "spec.template.spec"),
  fields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
});
