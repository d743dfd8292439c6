import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { nonNegative, positive } from "../../validation/numbers.ts";

export const lease = declareKind({
  kind: "Lease",
  plural: "leases",
  namespaced: true,
  versions: [{ group: "coordination.k8s.io", version: "v1", schema: "coordination.v1.Lease" }],
  columns: [NAME, column("Holder", "Who holds it."), AGE],
  row: (object, context) => [object.metadata?.name ?? "", object.spec?.holderIdentity ?? "", ageCell(object, context)],
  validate: ({ spec }) => [
    ...positive(spec?.leaseDurationSeconds, "spec.leaseDurationSeconds"),
    ...nonNegative(spec?.leaseTransitions, "spec.leaseTransitions"),
  ],
});
