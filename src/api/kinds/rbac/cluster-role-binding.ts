import { declareKind } from "../../declare-kind.ts";

export const clusterRoleBinding = declareKind({
  kind: "ClusterRoleBinding",
  plural: "clusterrolebindings",
  namespaced: false,
  versions: [{ group: "rbac.authorization.k8s.io", version: "v1", schema: "rbac.v1.ClusterRoleBinding" }],
});
