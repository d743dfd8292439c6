import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { goStringMap, invalid, required } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { ReplicationController } from "../../kinds.ts";
import { matchesLabels } from "../../label-selector.ts";
import { labelErrors } from "../../validation/metadata.ts";
import { nonNegative } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { podSpecWarnings } from "../unserved-fields.ts";
import { labelsCell, replicaTable } from "../workload-columns.ts";

export const replicationController = declareKind({
  kind: "ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ReplicationController" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "labels" },
  ...replicaTable<ReplicationController>(({ spec }) => labelsCell(spec?.selector)),
  applyDefaults: ({ metadata, spec }) => {
    if (spec === undefined) return;
    const labels = spec.template?.metadata?.labels;
    if (labels !== undefined && Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (labels !== undefined && metadata !== undefined && Object.keys(metadata.labels ?? {}).length === 0) {
      metadata.labels = { ...labels };
    }
    spec.replicas ??= 1;
    applyPodTemplateDefaults(spec.template);
  },
  validate: replicationControllerErrors,
  warnings: ({ spec }) => podSpecWarnings(spec?.template?.spec, "spec.template.spec"),
  fields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
});

function replicationControllerErrors({ spec }: ReplicationController): FieldError[] {
  if (spec === undefined) return [];
  const errors = [
    ...nonNegative(spec.replicas, "spec.replicas"),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...labelErrors(spec.selector, "spec.selector"),
  ];
  if (Object.keys(spec.selector ?? {}).length === 0) errors.push(required("spec.selector"));
  if (spec.template === undefined) return [...errors, required("spec.template")];
  const { labels } = spec.template.metadata ?? {};
  if (!matchesLabels(spec.selector, labels)) {
    errors.push(
      invalid("spec.template.metadata.labels", goStringMap(labels), "`selector` does not match template `labels`"),
    );
  }
  return [...errors, ...podTemplateErrors(spec.template, { field: "spec.template", restartPolicies: ["Always"] })];
}
