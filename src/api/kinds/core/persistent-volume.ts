import { declareKind } from "../../declare-kind.ts";

export const persistentVolume = declareKind({
  kind: "PersistentVolume",
  plural: "persistentvolumes",
  shortNames: ["pv"],
  namespaced: false,
  versions: [{ group: "", version: "v1", schema: "core.v1.PersistentVolume" }],
  status: true,
});
