import { declareKind } from "../../declare-kind.ts";

export const configMap = declareKind({
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ConfigMap" }],
});
