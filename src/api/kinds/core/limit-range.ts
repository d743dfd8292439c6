import { NAME, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const limitRange = declareKind({
  kind: "LimitRange",
  plural: "limitranges",
  shortNames: ["limits"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.LimitRange" }],
  columns: [NAME, column("Created At", "When it was created.")],
  row: (object) => [object.metadata?.name ?? "", object.metadata?.creationTimestamp ?? ""],
  warnings: kindNotActedOn("LimitRange"),
});
