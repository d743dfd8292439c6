import { declareKind } from "../../declare-kind.ts";

export const ingress = declareKind({
  kind: "Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
  namespaced: true,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.Ingress" }],
  status: true,
  generation: true,
});
