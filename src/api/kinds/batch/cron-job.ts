import { AGE, NAME, ageCell, ageSince, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { invalid, required } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { CronJob } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { cronProblem } from "../../validation/cron.ts";
import { dnsSubdomainProblems } from "../../validation/names.ts";
import { nonNegative } from "../../validation/numbers.ts";
import { kindNotActedOn } from "../unserved-fields.ts";
import { selectorCell, selectorColumn, templateCells, templateColumns } from "../workload-columns.ts";
import { jobSpecErrors } from "./job.ts";

/** Its jobs get 11 more characters, and have to stay a label's value. */
const NAME_LIMIT = 52;

export const cronJob = declareKind({
  kind: "CronJob",
  plural: "cronjobs",
  shortNames: ["cj"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "batch", version: "v1", schema: "batch.v1.CronJob" }],
  status: true,
  generation: true,
  validateName: (name) =>
    name.length > NAME_LIMIT ? [`must be no more than ${NAME_LIMIT} characters`] : dnsSubdomainProblems(name),
  columns: [
    NAME,
    column("Schedule", "When it starts a job."),
    column("Timezone", "The time zone of the schedule."),
    column("Suspend", "Whether it is suspended.", "boolean"),
    column("Active", "Jobs that run now.", "integer"),
    column("Last Schedule", "Time since it last started a job."),
    AGE,
    ...templateColumns,
    selectorColumn,
  ],
  row: (object, context) => {
    const { metadata, spec, status } = object;
    const last = status?.lastScheduleTime;
    return [
      metadata?.name ?? "",
      spec?.schedule ?? "",
      spec?.timeZone ?? "<none>",
      spec?.suspend === true ? "True" : "False",
      status?.active?.length ?? 0,
      last === undefined ? "<none>" : ageSince(last, context),
      ageCell(object, context),
      ...templateCells(spec?.jobTemplate?.spec?.template),
      selectorCell(spec?.jobTemplate?.spec?.selector),
    ];
  },
  applyDefaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.concurrencyPolicy ||= "Allow";
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    // The job's own fields are left to the job that comes of it.
    applyPodTemplateDefaults(spec.jobTemplate?.spec?.template);
  },
  validate: cronJobErrors,
  warnings: kindNotActedOn("CronJob"),
});

function cronJobErrors({ spec }: CronJob): FieldError[] {
  if (spec === undefined) return [];
  const errors: FieldError[] = [];
  if (!spec.schedule) errors.push(required("spec.schedule"));
  else {
    const problem = cronProblem(spec.schedule);
    if (problem !== undefined) errors.push(invalid("spec.schedule", spec.schedule, problem));
  }
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
    errors.push(invalid("spec.timeZone", spec.timeZone, `unknown time zone ${spec.timeZone}`));
  }
  errors.push(
    ...oneOf(spec.concurrencyPolicy, "spec.concurrencyPolicy", ["Allow", "Forbid", "Replace"]),
    ...nonNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"),
    ...nonNegative(spec.successfulJobsHistoryLimit, "spec.successfulJobsHistoryLimit"),
    ...nonNegative(spec.failedJobsHistoryLimit, "spec.failedJobsHistoryLimit"),
  );
  const inner = spec.jobTemplate?.spec;
  return inner === undefined ? errors : [...errors, ...jobSpecErrors(inner, "spec.jobTemplate.spec")];
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
