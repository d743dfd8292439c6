import { declareKind } from "../../declare-kind.ts";

export const priorityClass = declareKind({
  kind: "PriorityClass",
  plural: "priorityclasses",
  shortNames: ["pc"],
  namespaced: false,
  versions: [{ group: "scheduling.k8s.io", version: "v1", schema: "scheduling.v1.PriorityClass" }],
});
