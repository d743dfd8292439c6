import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid, required } from "../../field-error.ts";
import type { IngressClass } from "../../kinds.ts";

export const ingressClass = declareKind({
  kind: "IngressClass",
  plural: "ingressclasses",
  namespaced: false,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.IngressClass" }],
  generation: true,
  columns: [NAME, column("Controller", "What serves it."), column("Parameters", "Its settings."), AGE],
  row: (object, context) => [
    object.metadata?.name ?? "",
    object.spec?.controller ?? "",
    parametersCell(object),
    ageCell(object, context),
  ],
  applyDefaults: ({ spec }) => {
    if (spec?.parameters) spec.parameters.scope ||= "Cluster";
  },
  validate: ({ spec }) => (spec?.controller ? [] : [required("spec.controller")]),
  validateUpdate: (next, previous) =>
    next.spec?.controller === previous.spec?.controller
      ? []
      : [invalid("spec.controller", next.spec?.controller, "field is immutable")],
});

function parametersCell({ spec }: IngressClass): string {
  const parameters = spec?.parameters;
  if (parameters === undefined) return "<none>";
  const group = parameters.apiGroup ? `.${parameters.apiGroup}` : "";
  return `${parameters.kind}${group}/${parameters.name}`;
}
