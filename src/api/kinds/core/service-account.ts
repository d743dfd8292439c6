import { declareKind } from "../../declare-kind.ts";

export const serviceAccount = declareKind({
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ServiceAccount" }],
});
