import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { forbidden, required } from "../../field-error.ts";
import { oneOf } from "../../validation/container.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";

export const storageClass = declareKind({
  kind: "StorageClass",
  plural: "storageclasses",
  shortNames: ["sc"],
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.StorageClass" }],
  columns: [
    NAME,
    column("Provisioner", "What makes its volumes."),
    column("ReclaimPolicy", "What becomes of a volume when its claim goes."),
    column("VolumeBindingMode", "When a volume is made."),
    column("AllowVolumeExpansion", "Whether volumes may grow."),
    AGE,
  ],
  row: (object, context) => {
    const standard = object.metadata?.annotations?.[DEFAULT_CLASS] === "true";
    return [
      `${object.metadata?.name ?? ""}${standard ? " (default)" : ""}`,
      object.provisioner ?? "",
      object.reclaimPolicy ?? "Delete",
      object.volumeBindingMode ?? "Immediate",
      String(object.allowVolumeExpansion ?? false),
      ageCell(object, context),
    ];
  },
  applyDefaults: (object) => {
    object.reclaimPolicy ||= "Delete";
    object.volumeBindingMode ||= "Immediate";
  },
  validate: ({ provisioner, reclaimPolicy, volumeBindingMode }) => [
    ...(provisioner ? [] : [required("provisioner")]),
    ...oneOf(reclaimPolicy, "reclaimPolicy", ["Delete", "Retain"]),
    ...oneOf(volumeBindingMode, "volumeBindingMode", ["Immediate", "WaitForFirstConsumer"]),
  ],
  validateUpdate: (next, previous) =>
    (["provisioner", "reclaimPolicy", "volumeBindingMode", "parameters"] as const)
      .filter((field) => JSON.stringify(next[field] ?? null) !== JSON.stringify(previous[field] ?? null))
      .map((field) => forbidden(field, `updates to ${field} are forbidden.`)),
  warnings: kindNotActedOn("StorageClass"),
});
