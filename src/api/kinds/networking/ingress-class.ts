import { declareKind } from "../../declare-kind.ts";

export const ingressClass = declareKind({
  kind: "IngressClass",
  plural: "ingressclasses",
  namespaced: false,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.IngressClass" }],
  generation: true,
});
