import { declareKind } from "../../declare-kind.ts";
import { pathSegmentProblems } from "../../validation/names.ts";
import { RBAC_GROUP, roleColumns, roleRow, ruleErrors } from "./rules.ts";

export const role = declareKind({
  kind: "Role",
  plural: "roles",
  namespaced: true,
  versions: [{ group: RBAC_GROUP, version: "v1", schema: "rbac.v1.Role" }],
  validateName: pathSegmentProblems,
  columns: roleColumns,
  row: roleRow,
  validate: ruleErrors,
});
