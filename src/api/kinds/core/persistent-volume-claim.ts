import { isDeepStrictEqual } from "node:util";
import { AGE, NAME, ageCell, column, wideColumn } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { forbidden, notSupported, required } from "../../field-error.ts";
import type { PersistentVolumeClaim } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { ACCESS_MODES, accessModesCell } from "../access-modes.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const persistentVolumeClaim = declareKind({
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  shortNames: ["pvc"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.PersistentVolumeClaim" }],
  status: true,
  columns: [
    NAME,
    column("Status", "Whether it is bound."),
    column("Volume", "The volume that it has."),
    column("Capacity", "The size of that volume."),
    column("Access Modes", "How it may be mounted."),
    column("StorageClass", "Its class."),
    column("VolumeAttributesClass", "Its attributes' class."),
    AGE,
    wideColumn("VolumeMode", "Filesystem or Block."),
  ],
  row: (object, context) => {
    const { metadata, spec, status } = object;
    const bound = Boolean(spec?.volumeName);
    return [
      metadata?.name ?? "",
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
      spec?.volumeName ?? "",
      bound ? (status?.capacity?.["storage"] ?? "0") : "",
      bound ? accessModesCell(status?.accessModes) : "",
      spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? "<unset>",
      ageCell(object, context),
      spec?.volumeMode ?? "<unset>",
    ];
  },
  applyDefaults: ({ spec }) => {
    if (spec !== undefined) spec.volumeMode ||= "Filesystem";
  },
  prepareCreate: (object) => {
    object.status = { phase: "Pending" };
  },
  validate: ({ spec }) => [
    ...((spec?.accessModes ?? []).length === 0
      ? [required("spec.accessModes", "at least 1 access mode is required")]
      : []),
    ...(spec?.accessModes ?? [])
      .filter((mode) => !ACCESS_MODES.includes(mode))
      .map((mode) => notSupported("spec.accessModes", mode, ACCESS_MODES)),
    ...(spec?.resources?.requests?.["storage"] === undefined ? [required("spec.resources[storage]")] : []),
    ...oneOf(spec?.volumeMode, "spec.volumeMode", ["Block", "Filesystem"]),
  ],
  validateUpdate: (next, previous) =>
    isDeepStrictEqual(fixed(next), fixed(previous))
      ? []
      : [
          forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
          ),
        ],
  warnings: kindNotActedOn("PersistentVolumeClaim"),
});

/** What may not change: everything but the size, the attributes' class and the volume that it gets once. */
function fixed({ spec }: PersistentVolumeClaim): object {
  const { resources: _resources, volumeAttributesClassName: _class, volumeName: _volume, ...rest } = spec ?? {};
  return rest;
}
