import { declareKind } from "../../declare-kind.ts";

export const storageClass = declareKind({
  kind: "StorageClass",
  plural: "storageclasses",
  shortNames: ["sc"],
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.StorageClass" }],
});
