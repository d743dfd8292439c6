import { AGE, NAME, ageCell, column, wideColumn } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { forbidden } from "../../field-error.ts";
import { oneOf } from "../../validation/container.ts";

/** Above it are the system's own classes (upstream's `HighestUserDefinablePriority`). */
const HIGHEST_USER_PRIORITY = 1_000_000_000;

export const priorityClass = declareKind({
  kind: "PriorityClass",
  plural: "priorityclasses",
  shortNames: ["pc"],
  namespaced: false,
  versions: [{ group: "scheduling.k8s.io", version: "v1", schema: "scheduling.v1.PriorityClass" }],
  columns: [
    NAME,
    column("Value", "Its priority.", "integer"),
    column("Global-Default", "Whether pods without a class get it.", "boolean"),
    AGE,
    wideColumn("PreemptionPolicy", "Whether its pods push others out."),
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    object.value ?? 0,
    object.globalDefault ?? false,
    ageCell(object, context),
    object.preemptionPolicy ?? "",
  ],
  applyDefaults: (object) => {
    object.value ??= 0;
    object.preemptionPolicy ||= "PreemptLowerPriority";
  },
  validate: ({ metadata, value, preemptionPolicy }) => [
    ...((value ?? 0) > HIGHEST_USER_PRIORITY && !metadata?.name?.startsWith("system-")
      ? [forbidden("value", `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`)]
      : []),
    ...oneOf(preemptionPolicy, "preemptionPolicy", ["Never", "PreemptLowerPriority"]),
  ],
  validateUpdate: (next, previous) => [
    ...(next.value === previous.value ? [] : [forbidden("value", "may not be changed in an update.")]),
    ...(next.preemptionPolicy === previous.preemptionPolicy
      ? []
      : [forbidden("preemptionPolicy", "may not be changed in an update.")]),
  ],
});
