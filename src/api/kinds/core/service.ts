import { declareKind } from "../../declare-kind.ts";

export const service = declareKind({
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Service" }],
  status: true,
});
