import { declareKind } from "../../declare-kind.ts";
import { pathSegmentProblems } from "../../validation/names.ts";
import { RBAC_GROUP, roleColumns, roleRow, ruleErrors } from "./rules.ts";

export const clusterRole = declareKind({
  kind: "ClusterRole",
  plural: "clusterroles",
  namespaced: false,
  versions: [{ group: RBAC_GROUP, version: "v1", schema: "rbac.v1.ClusterRole" }],
  validateName: pathSegmentProblems,
  columns: roleColumns,
  row: roleRow,
  validate: ruleErrors,
});
