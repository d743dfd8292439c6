import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const serviceCIDR = declareKind({
  kind: "ServiceCIDR",
  plural: "servicecidrs",
  namespaced: false,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.ServiceCIDR" }],
  status: true,
  columns: [NAME, column("CIDRs", "Its ranges."), AGE],
  row: (object, context) => [
    object.metadata?.name ?? "",
    (object.spec?.cidrs ?? []).join(","),
    ageCell(object, context),
  ],
  warnings: kindNotActedOn("ServiceCIDR"),
});
