import { declareKind } from "../../declare-kind.ts";

export const namespace = declareKind({
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  namespaced: false,
  versions: [{ group: "", version: "v1", schema: "core.v1.Namespace" }],
  status: true,
  subresources: [{ name: "finalize", verbs: ["update"] }],
});
