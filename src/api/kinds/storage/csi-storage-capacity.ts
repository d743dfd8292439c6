import { NAME, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const csiStorageCapacity = declareKind({
  kind: "CSIStorageCapacity",
  plural: "csistoragecapacities",
  namespaced: true,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.CSIStorageCapacity" }],
  columns: [NAME, column("StorageClassName", "The class that it is about."), column("Capacity", "What is free.")],
  row: (object) => [object.metadata?.name ?? "", object.storageClassName ?? "", object.capacity ?? "<unset>"],
  warnings: kindNotActedOn("CSIStorageCapacity"),
});
