import { declareKind } from "../../declare-kind.ts";

export const pod = declareKind({
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Pod" }],
  status: true,
});
