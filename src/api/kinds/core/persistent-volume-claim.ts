import { declareKind } from "../../declare-kind.ts";

export const persistentVolumeClaim = declareKind({
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  shortNames: ["pvc"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.PersistentVolumeClaim" }],
  status: true,
});
