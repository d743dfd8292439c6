import { declareKind } from "../../declare-kind.ts";

export const lease = declareKind({
  kind: "Lease",
  plural: "leases",
  namespaced: true,
  versions: [{ group: "coordination.k8s.io", version: "v1", schema: "coordination.v1.Lease" }],
});
