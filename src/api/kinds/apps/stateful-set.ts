import { isDeepStrictEqual } from "node:util";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { forbidden } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { StatefulSet } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { workloadSelectorErrors } from "../../validation/label-selector.ts";
import { nonNegative } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { kindNotActedOn } from "../unserved-fields.ts";
import { templateCells, templateColumns } from "../workload-columns.ts";

export const statefulSet = declareKind({
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.StatefulSet" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "selector" },
  columns: [NAME, column("Ready", "Pods that are ready, of those wanted."), AGE, ...templateColumns],
  row: (object, context) => [
    object.metadata?.name ?? "",
    `${object.status?.readyReplicas ?? 0}/${object.spec?.replicas ?? 0}`,
    ageCell(object, context),
    ...templateCells(object.spec?.template),
  ],
  applyDefaults: applyStatefulSetDefaults,
  validate: statefulSetErrors,
  validateUpdate: (next, previous) =>
    isDeepStrictEqual(fixed(next), fixed(previous))
      ? []
      : [
          forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
          ),
        ],
  warnings: kindNotActedOn("StatefulSet"),
});

function applyStatefulSetDefaults({ spec }: StatefulSet): void {
  if (spec === undefined) return;
  spec.replicas ??= 1;
  spec.podManagementPolicy ||= "OrderedReady";
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= "v1";
    claim.kind ??= "PersistentVolumeClaim";
    if (claim.spec !== undefined) claim.spec.volumeMode ||= "Filesystem";
    claim.status ??= {};
    claim.status.phase ||= "Pending";
  }
  applyPodTemplateDefaults(spec.template);
}

function statefulSetErrors({ spec }: StatefulSet): FieldError[] {
  if (spec === undefined) return [];
  const claims = new Set((spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name));
  // Mounts of claims are volumes that the controller adds.
  const unknownMount = ({ field, message }: FieldError): boolean =>
    field.includes("volumeMounts") && [...claims].some((name) => message === `Not found: ${JSON.stringify(name)}`);
  return [
    ...nonNegative(spec.replicas, "spec.replicas"),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...nonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
    ...oneOf(spec.podManagementPolicy, "spec.podManagementPolicy", ["OrderedReady", "Parallel"]),
    ...oneOf(spec.updateStrategy?.type, "spec.updateStrategy.type", ["OnDelete", "RollingUpdate"]),
    ...nonNegative(spec.updateStrategy?.rollingUpdate?.partition, "spec.updateStrategy.rollingUpdate.partition"),
    ...workloadSelectorErrors(spec.selector, spec.template?.metadata?.labels),
    ...podTemplateErrors(spec.template, { field: "spec.template", restartPolicies: ["Always"] }).filter(
      (error) => !unknownMount(error),
    ),
  ];
}

function fixed({ spec }: StatefulSet): object {
  const {
    replicas: _replicas,
    ordinals: _ordinals,
    template: _template,
    updateStrategy: _strategy,
    revisionHistoryLimit: _limit,
    persistentVolumeClaimRetentionPolicy: _policy,
    minReadySeconds: _seconds,
    ...rest
  } = spec ?? ({} as NonNullable<StatefulSet["spec"]>);
  return rest;
}
