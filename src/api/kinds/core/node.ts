import { declareKind } from "../../declare-kind.ts";

export const node = declareKind({
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
  namespaced: false,
  versions: [{ group: "", version: "v1", schema: "core.v1.Node" }],
  status: true,
});
