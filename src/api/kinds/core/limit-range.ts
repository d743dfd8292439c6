import { declareKind } from "../../declare-kind.ts";

export const limitRange = declareKind({
  kind: "LimitRange",
  plural: "limitranges",
  shortNames: ["limits"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.LimitRange" }],
});
