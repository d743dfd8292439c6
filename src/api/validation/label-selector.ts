import { isDeepStrictEqual } from "node:util";
import { GoValue, forbidden, goStringMap, invalid, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { LabelSelector } from "../kinds.ts";
import { matchesSelector } from "../label-selector.ts";
import { labelErrors } from "./metadata.ts";
import { labelValueProblems, qualifiedNameProblems } from "./names.ts";

/** Upstream's `unversionedvalidation.ValidateLabelSelector`. */
export function labelSelectorErrors(selector: LabelSelector | undefined, field: string): FieldError[] {
  if (selector === undefined) return [];
  const errors = labelErrors(selector.matchLabels, `${field}.matchLabels`);
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`;
    switch (operator) {
      case "In":
      case "NotIn":
        if (values.length === 0) {
          errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        break;
      case "Exists":
      case "DoesNotExist":
        if (values.length > 0) {
          errors.push(
            forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
          );
        }
        break;
      default:
        errors.push(invalid(`${path}.operator`, operator, "not a valid selector operator"));
    }
    errors.push(...qualifiedNameProblems(key).map((problem) => invalid(`${path}.key`, key, problem)));
    for (const [at, value] of values.entries()) {
      errors.push(...labelValueProblems(value).map((problem) => invalid(`${path}.values[${at}]`, value, problem)));
    }
  }
  return errors;
}

/** What every workload's selector must be: there, not empty, and matching the template that it owns. */
export function workloadSelectorErrors(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): FieldError[] {
  if (selector === undefined) return [required("spec.selector")];
  const errors = labelSelectorErrors(selector, "spec.selector");
  const empty = Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
  if (empty) {
    errors.push(invalid("spec.selector", goSelector(selector), "empty selector is invalid for deployment"));
  } else if (errors.length === 0 && !matchesSelector(selector, labels)) {
    errors.push(
      invalid("spec.template.metadata.labels", goStringMap(labels), "`selector` does not match template `labels`"),
    );
  }
  return errors;
}

/** A selector that changed would leave the pods of the former one behind. */
export function selectorUpdateErrors(
  next: LabelSelector | undefined,
  previous: LabelSelector | undefined,
): FieldError[] {
  if (isDeepStrictEqual(next, previous)) return [];
  return [invalid("spec.selector", goSelector(next), "field is immutable")];
}

/** A LabelSelector as Go's `%#v` prints it. */
export function goSelector(selector: LabelSelector | undefined): GoValue {
  if (selector === undefined) return new GoValue("null");
  const list = selector.matchExpressions;
  const items = (list ?? []).map(({ key, operator, values }) => {
    const texts =
      values === undefined ? "[]string(nil)" : `[]string{${values.map((v) => JSON.stringify(v)).join(", ")}}`;
    return `v1.LabelSelectorRequirement{Key:${JSON.stringify(key)}, Operator:${JSON.stringify(operator)}, Values:${texts}}`;
  });
  const expressions =
    list === undefined ? "[]v1.LabelSelectorRequirement(nil)" : `[]v1.LabelSelectorRequirement{${items.join(", ")}}`;
  return new GoValue(
    `v1.LabelSelector{MatchLabels:${goStringMap(selector.matchLabels).text}, MatchExpressions:${expressions}}`,
  );
}
