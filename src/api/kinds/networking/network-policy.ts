import { declareKind } from "../../declare-kind.ts";

export const networkPolicy = declareKind({
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  namespaced: true,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.NetworkPolicy" }],
  generation: true,
});
