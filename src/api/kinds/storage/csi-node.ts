import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const csiNode = declareKind({
  kind: "CSINode",
  plural: "csinodes",
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.CSINode" }],
  columns: [NAME, column("Drivers", "How many drivers it has.", "integer"), AGE],
  row: (object, context) => [object.metadata?.name ?? "", object.spec?.drivers?.length ?? 0, ageCell(object, context)],
  warnings: kindNotActedOn("CSINode"),
});
