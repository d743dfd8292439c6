import { declareKind } from "../../declare-kind.ts";

export const csiNode = declareKind({
  kind: "CSINode",
  plural: "csinodes",
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.CSINode" }],
});
