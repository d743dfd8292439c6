import { declareKind } from "../../declare-kind.ts";

export const resourceQuota = declareKind({
  kind: "ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ResourceQuota" }],
  status: true,
});
