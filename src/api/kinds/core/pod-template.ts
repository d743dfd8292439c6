import { declareKind } from "../../declare-kind.ts";

export const podTemplate = declareKind({
  kind: "PodTemplate",
  plural: "podtemplates",
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.PodTemplate" }],
  generation: true,
});
