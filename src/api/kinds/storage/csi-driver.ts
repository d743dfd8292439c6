import { declareKind } from "../../declare-kind.ts";

export const csiDriver = declareKind({
  kind: "CSIDriver",
  plural: "csidrivers",
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.CSIDriver" }],
});
