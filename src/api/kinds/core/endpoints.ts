import { declareKind } from "../../declare-kind.ts";

export const endpoints = declareKind({
  kind: "Endpoints",
  plural: "endpoints",
  shortNames: ["ep"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Endpoints" }],
});
