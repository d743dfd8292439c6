import { declareKind } from "../../declare-kind.ts";
import { pathSegmentProblems } from "../../validation/names.ts";
import {
  RBAC_GROUP,
  applyBindingDefaults,
  bindingColumns,
  bindingErrors,
  bindingRow,
  bindingUpdateErrors,
} from "./rules.ts";

export const clusterRoleBinding = declareKind({
  kind: "ClusterRoleBinding",
  plural: "clusterrolebindings",
  namespaced: false,
  versions: [{ group: RBAC_GROUP, version: "v1", schema: "rbac.v1.ClusterRoleBinding" }],
  validateName: pathSegmentProblems,
  columns: bindingColumns,
  row: bindingRow,
  applyDefaults: applyBindingDefaults,
  validate: (object) => bindingErrors(object, ["ClusterRole"]),
  validateUpdate: bindingUpdateErrors,
});
