import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import type { ReplicaSet } from "../../kinds.ts";
import { selectorUpdateErrors, workloadSelectorErrors } from "../../validation/label-selector.ts";
import { nonNegative } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { podSpecWarnings } from "../unserved-fields.ts";
import { replicaTable, selectorCell } from "../workload-columns.ts";

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
  ...replicaTable<ReplicaSet>(({ spec }) => selectorCell(spec?.selector)),
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
  validateUpdate: ({ spec }, previous) => selectorUpdateErrors(spec?.selector, previous.spec?.selector),
  warnings: ({ spec }) => podSpecWarnings(spec?.template?.spec, "spec.template.spec"),
  fields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
});
