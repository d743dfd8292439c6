import { forbidden, invalid, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { PodSpec } from "../kinds.ts";
import { labelSelectorErrors } from "./label-selector.ts";
import { qualifiedNameProblems } from "./names.ts";

type Affinity = NonNullable<PodSpec["affinity"]>;
type NodeTerm = NonNullable<
  NonNullable<Affinity["nodeAffinity"]>["requiredDuringSchedulingIgnoredDuringExecution"]
>["nodeSelectorTerms"][number];
type Expression = NonNullable<NodeTerm["matchExpressions"]>[number];
type PodTerms = NonNullable<Affinity["podAffinity"]>;
type PodTerm = NonNullable<PodTerms["requiredDuringSchedulingIgnoredDuringExecution"]>[number];

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

export function affinityErrors(affinity: Affinity | undefined, field: string): FieldError[] {
  if (affinity === undefined) return [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  return [
    ...(nodeAffinity ? nodeAffinityErrors(nodeAffinity, `${field}.nodeAffinity`) : []),
    ...(podAffinity ? podTermsErrors(podAffinity, `${field}.podAffinity`) : []),
    ...(podAntiAffinity ? podTermsErrors(podAntiAffinity, `${field}.podAntiAffinity`) : []),
  ];
}

function nodeAffinityErrors(affinity: NonNullable<Affinity["nodeAffinity"]>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const hard = affinity[REQUIRED];
  if (hard !== undefined) {
    const terms = hard.nodeSelectorTerms ?? [];
    const place = `${field}.${REQUIRED}.nodeSelectorTerms`;
    if (terms.length === 0) errors.push(required(place, "must have at least one node selector term"));
    for (const [index, term] of terms.entries()) errors.push(...nodeTermErrors(term, `${place}[${index}]`));
  }
  for (const [index, { weight, preference }] of (affinity[PREFERRED] ?? []).entries()) {
    const place = `${field}.${PREFERRED}[${index}]`;
    errors.push(...weightErrors(weight, `${place}.weight`));
    if (preference) errors.push(...nodeTermErrors(preference, `${place}.preference`));
  }
  return errors;
}

function nodeTermErrors({ matchExpressions, matchFields }: NodeTerm, field: string): FieldError[] {
  return [
    ...(matchExpressions ?? []).flatMap((each, index) => expressionErrors(each, `${field}.matchExpressions[${index}]`)),
    ...(matchFields ?? []).flatMap(({ key }, index) =>
      key === "metadata.name"
        ? []
        : [invalid(`${field}.matchFields[${index}].key`, key, "not a valid field selector key")],
    ),
  ];
}

function expressionErrors({ key, operator, values = [] }: Expression, field: string): FieldError[] {
  const errors = qualifiedNameProblems(key).map((problem) => invalid(`${field}.key`, key, problem));
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) {
        errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) {
        const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        errors.push(forbidden(`${field}.values`, detail));
      }
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) {
        errors.push(required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(invalid(`${field}.operator`, operator, "not a valid selector operator"));
  }
  return errors;
}

function podTermsErrors(terms: PodTerms, field: string): FieldError[] {
  const errors = (terms[REQUIRED] ?? []).flatMap((term, index) =>
    podTermErrors(term, `${field}.${REQUIRED}[${index}]`),
  );
  for (const [index, { weight, podAffinityTerm }] of (terms[PREFERRED] ?? []).entries()) {
    const place = `${field}.${PREFERRED}[${index}]`;
    errors.push(...weightErrors(weight, `${place}.weight`));
    if (podAffinityTerm) errors.push(...podTermErrors(podAffinityTerm, `${place}.podAffinityTerm`));
  }
  return errors;
}

function podTermErrors({ topologyKey, labelSelector, namespaceSelector }: PodTerm, field: string): FieldError[] {
  return [
    ...labelSelectorErrors(labelSelector, `${field}.labelSelector`),
    ...labelSelectorErrors(namespaceSelector, `${field}.namespaceSelector`),
    ...(topologyKey
      ? qualifiedNameProblems(topologyKey).map((problem) => invalid(`${field}.topologyKey`, topologyKey, problem))
      : [required(`${field}.topologyKey`, "can not be empty")]),
  ];
}

function weightErrors(weight: number | undefined, field: string): FieldError[] {
  return weight === undefined || weight < 1 || weight > 100
    ? [invalid(field, weight ?? 0, "must be in the range 1-100")]
    : [];
}
