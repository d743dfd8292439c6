import { declareKind } from "../../declare-kind.ts";

export const secret = declareKind({
  kind: "Secret",
  plural: "secrets",
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Secret" }],
});
