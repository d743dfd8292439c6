import { isDeepStrictEqual } from "node:util";
import { column, humanDuration } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { invalid, required } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { RowContext } from "../../kind.ts";
import type { Job } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { nonNegative } from "../../validation/numbers.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { kindNotActedOn } from "../unserved-fields.ts";
import { selectorCell, workloadTable } from "../workload-columns.ts";

const MAX_INT32 = 2 ** 31 - 1;

export type JobSpec = NonNullable<Job["spec"]>;

export const job = declareKind({
  kind: "Job",
  plural: "jobs",
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "batch", version: "v1", schema: "batch.v1.Job" }],
  status: true,
  generation: true,
  ...workloadTable<Job>({
    columns: [
      column("Status", "Where it stands."),
      column("Completions", "Pods that succeeded, of those wanted."),
      column("Duration", "How long it took, or takes."),
    ],
    cells: (object, context) => [statusCell(object), completionsCell(object), durationCell(object, context)],
    selector: ({ spec }) => selectorCell(spec?.selector),
  }),
  applyDefaults: ({ spec }) => {
    if (spec !== undefined) applyJobDefaults(spec);
  },
  prepareCreate: generateSelector,
  validate: ({ spec }) => (spec === undefined ? [] : jobSpecErrors(spec, "spec")),
  validateUpdate: (next, previous) =>
    (["selector", "completions", "template", "completionMode"] as const).flatMap((field) => {
      const [after, before] = [next.spec?.[field], previous.spec?.[field]];
      // A suspended job that never ran may still get another template.
      const free = field === "template" && previous.spec?.suspend === true && previous.status?.startTime === undefined;
      return free || isDeepStrictEqual(after, before) ? [] : [invalid(`spec.${field}`, after, "field is immutable")];
    }),
  warnings: kindNotActedOn("Job"),
  fields: ({ status }) => ({ "status.successful": String(status?.succeeded ?? 0) }),
});

export function applyJobDefaults(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32;
  spec.completionMode ||= "NonIndexed";
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ||= spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed";
  applyPodTemplateDefaults(spec.template);
}

/** A job selects its pods by its own uid, unless its author took that over (`manualSelector`). */
function generateSelector({ metadata, spec }: Job): void {
  if (spec === undefined || spec.manualSelector === true || metadata?.uid === undefined || spec.template === undefined)
    return;
  spec.template.metadata ??= {};
  spec.template.metadata.labels = {
    ...spec.template.metadata.labels,
    "batch.kubernetes.io/controller-uid": metadata.uid,
    "batch.kubernetes.io/job-name": metadata.name ?? "",
    "controller-uid": metadata.uid,
    "job-name": metadata.name ?? "",
  };
  spec.selector = {
    ...spec.selector,
    matchLabels: { ...spec.selector?.matchLabels, "batch.kubernetes.io/controller-uid": metadata.uid },
  };
}

export function jobSpecErrors(spec: JobSpec, field: string): FieldError[] {
  const errors = [
    ...nonNegative(spec.parallelism, `${field}.parallelism`),
    ...nonNegative(spec.completions, `${field}.completions`),
    ...nonNegative(spec.activeDeadlineSeconds, `${field}.activeDeadlineSeconds`),
    ...nonNegative(spec.backoffLimit, `${field}.backoffLimit`),
    ...nonNegative(spec.ttlSecondsAfterFinished, `${field}.ttlSecondsAfterFinished`),
    ...oneOf(spec.completionMode, `${field}.completionMode`, ["Indexed", "NonIndexed"]),
    ...podTemplateErrors(spec.template, { field: `${field}.template`, restartPolicies: ["OnFailure", "Never"] }),
  ];
  if (spec.completionMode === "Indexed" && spec.completions === undefined) {
    errors.push(required(`${field}.completions`, "when completion mode is Indexed"));
  }
  return errors;
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ status }: Job, { now }: RowContext): string {
  if (status?.startTime === undefined) return "";
  const end = status.completionTime === undefined ? now : Date.parse(status.completionTime);
  return humanDuration(end - Date.parse(status.startTime));
}

function statusCell({ metadata, status }: Job): string {
  const has = (type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === "True") === true;
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata?.deletionTimestamp !== undefined) return "Terminating";
  if (has("Suspended")) return "Suspended";
  return has("FailureTarget") ? "FailureTarget" : "Running";
}
