import { column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { forbidden, invalid } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { Deployment } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { selectorUpdateErrors, workloadSelectorErrors } from "../../validation/label-selector.ts";
import { countOrPercent, nonNegative, percentAtMost100 } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { podSpecWarnings } from "../unserved-fields.ts";
import { selectorCell, workloadTable } from "../workload-columns.ts";

export const deployment = declareKind({
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.Deployment" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "selector" },
  ...workloadTable<Deployment>({
    columns: [
      column("Ready", "Pods that are ready, of those wanted."),
      column("Up-to-date", "Pods of the newest template."),
      column("Available", "Pods that have been ready for at least minReadySeconds."),
    ],
    cells: ({ spec, status }) => [
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      String(status?.updatedReplicas ?? 0),
      String(status?.availableReplicas ?? 0),
    ],
    selector: ({ spec }) => selectorCell(spec?.selector),
  }),
  applyDefaults: applyDeploymentDefaults,
  validate: deploymentErrors,
  validateUpdate: ({ spec }, previous) => selectorUpdateErrors(spec?.selector, previous.spec?.selector),
  warnings: ({ spec }) => podSpecWarnings(spec?.template?.spec, "spec.template.spec"),
});

function applyDeploymentDefaults({ spec }: Deployment): void {
  if (spec === undefined) return;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= "RollingUpdate";
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
    spec.strategy.rollingUpdate.maxSurge ??= "25%";
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  applyPodTemplateDefaults(spec.template);
}

function deploymentErrors({ spec }: Deployment): FieldError[] {
  if (spec === undefined) return [];
  const errors = [
    ...nonNegative(spec.replicas, "spec.replicas"),
    ...workloadSelectorErrors(spec.selector, spec.template?.metadata?.labels),
    ...podTemplateErrors(spec.template, { field: "spec.template", restartPolicies: ["Always"] }),
    ...strategyErrors(spec),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...nonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
    ...nonNegative(spec.progressDeadlineSeconds, "spec.progressDeadlineSeconds"),
  ];
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  if (deadline !== undefined && deadline <= minReadySeconds) {
    errors.push(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
  }
  return errors;
}

function strategyErrors({ strategy }: NonNullable<Deployment["spec"]>): FieldError[] {
  const field = "spec.strategy";
  const errors = oneOf(strategy?.type, `${field}.type`, ["Recreate", "RollingUpdate"]);
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === "Recreate" && rolling !== undefined) {
    errors.push(forbidden(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"));
  }
  if (strategy?.type !== "RollingUpdate" || rolling === undefined) return errors;
  const { maxUnavailable, maxSurge } = rolling;
  errors.push(
    ...countOrPercent(maxUnavailable, `${field}.rollingUpdate.maxUnavailable`),
    ...countOrPercent(maxSurge, `${field}.rollingUpdate.maxSurge`),
    ...percentAtMost100(maxUnavailable, `${field}.rollingUpdate.maxUnavailable`),
  );
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalid(`${field}.rollingUpdate.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  }
  return errors;
}

function isZero(value: number | string | undefined): boolean {
  return value === 0 || value === "0%";
}
