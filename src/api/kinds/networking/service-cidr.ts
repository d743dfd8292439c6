import { declareKind } from "../../declare-kind.ts";

export const serviceCIDR = declareKind({
  kind: "ServiceCIDR",
  plural: "servicecidrs",
  namespaced: false,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.ServiceCIDR" }],
  status: true,
});
