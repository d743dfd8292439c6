import { declareKind } from "../../declare-kind.ts";

export const clusterRole = declareKind({
  kind: "ClusterRole",
  plural: "clusterroles",
  namespaced: false,
  versions: [{ group: "rbac.authorization.k8s.io", version: "v1", schema: "rbac.v1.ClusterRole" }],
});
