import { declareKind } from "../../declare-kind.ts";

export const role = declareKind({
  kind: "Role",
  plural: "roles",
  namespaced: true,
  versions: [{ group: "rbac.authorization.k8s.io", version: "v1", schema: "rbac.v1.Role" }],
});
