import { declareKind } from "../../declare-kind.ts";

export const roleBinding = declareKind({
  kind: "RoleBinding",
  plural: "rolebindings",
  namespaced: true,
  versions: [{ group: "rbac.authorization.k8s.io", version: "v1", schema: "rbac.v1.RoleBinding" }],
});
