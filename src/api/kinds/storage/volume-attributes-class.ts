import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const volumeAttributesClass = declareKind({
  kind: "VolumeAttributesClass",
  plural: "volumeattributesclasses",
  shortNames: ["vac"],
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.VolumeAttributesClass" }],
  columns: [NAME, column("DriverName", "The driver that knows it."), AGE],
  row: (object, context) => [object.metadata?.name ?? "", object.driverName ?? "", ageCell(object, context)],
  warnings: kindNotActedOn("VolumeAttributesClass"),
});
