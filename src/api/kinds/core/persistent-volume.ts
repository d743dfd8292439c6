import { AGE, NAME, ageCell, column, wideColumn } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { required } from "../../field-error.ts";
import { oneOf } from "../../validation/container.ts";
import { accessModesCell } from "../access-modes.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const persistentVolume = declareKind({
  kind: "PersistentVolume",
  plural: "persistentvolumes",
  shortNames: ["pv"],
  namespaced: false,
  versions: [{ group: "", version: "v1", schema: "core.v1.PersistentVolume" }],
  status: true,
  columns: [
    NAME,
    column("Capacity", "Its size."),
    column("Access Modes", "How it may be mounted."),
    column("Reclaim Policy", "What becomes of it when its claim goes."),
    column("Status", "Whether it is bound."),
    column("Claim", "The claim that has it."),
    column("StorageClass", "Its class."),
    column("VolumeAttributesClass", "Its attributes' class."),
    column("Reason", "Why it is in its state."),
    AGE,
    wideColumn("VolumeMode", "Filesystem or Block."),
  ],
  row: (object, context) => {
    const { metadata, spec, status } = object;
    return [
      metadata?.name ?? "",
      spec?.capacity?.["storage"] ?? "0",
      accessModesCell(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? "",
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
      spec?.claimRef ? `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}` : "",
      spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? "<unset>",
      status?.reason ?? "",
      ageCell(object, context),
      spec?.volumeMode ?? "<unset>",
    ];
  },
  applyDefaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.persistentVolumeReclaimPolicy ||= "Retain";
    spec.volumeMode ||= "Filesystem";
    if (spec.hostPath) spec.hostPath.type ??= "";
  },
  prepareCreate: (object) => {
    object.status = { phase: "Pending" };
  },
  validate: ({ spec }) => [
    ...((spec?.accessModes ?? []).length === 0 ? [required("spec.accessModes")] : []),
    ...(spec?.capacity?.["storage"] === undefined ? [required("spec.capacity")] : []),
    ...oneOf(spec?.persistentVolumeReclaimPolicy, "spec.persistentVolumeReclaimPolicy", [
      "Delete",
      "Recycle",
      "Retain",
    ]),
  ],
  warnings: kindNotActedOn("PersistentVolume"),
});
