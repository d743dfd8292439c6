import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid } from "../../field-error.ts";
import { labelSelectorErrors } from "../../validation/label-selector.ts";
import { countOrPercent, percentAtMost100 } from "../../validation/numbers.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const podDisruptionBudget = declareKind({
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
  namespaced: true,
  versions: [{ group: "policy", version: "v1", schema: "policy.v1.PodDisruptionBudget" }],
  status: true,
  generation: true,
  columns: [
    NAME,
    column("Min Available", "Pods that must stay."),
    column("Max Unavailable", "Pods that may be gone."),
    column("Allowed Disruptions", "Pods that may be evicted now.", "integer"),
    AGE,
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    String(object.spec?.minAvailable ?? "N/A"),
    String(object.spec?.maxUnavailable ?? "N/A"),
    object.status?.disruptionsAllowed ?? 0,
    ageCell(object, context),
  ],
  validate: ({ spec }) => {
    if (spec === undefined) return [];
    const { minAvailable, maxUnavailable } = spec;
    return [
      ...(minAvailable !== undefined && maxUnavailable !== undefined
        ? [invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")]
        : []),
      ...countOrPercent(minAvailable, "spec.minAvailable"),
      ...percentAtMost100(minAvailable, "spec.minAvailable"),
      ...countOrPercent(maxUnavailable, "spec.maxUnavailable"),
      ...percentAtMost100(maxUnavailable, "spec.maxUnavailable"),
      ...labelSelectorErrors(spec.selector, "spec.selector"),
    ];
  },
  warnings: kindNotActedOn("PodDisruptionBudget"),
});
