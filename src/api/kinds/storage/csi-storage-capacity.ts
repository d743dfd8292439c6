import { declareKind } from "../../declare-kind.ts";

export const csiStorageCapacity = declareKind({
  kind: "CSIStorageCapacity",
  plural: "csistoragecapacities",
  namespaced: true,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.CSIStorageCapacity" }],
});
