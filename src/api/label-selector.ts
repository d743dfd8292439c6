import type { LabelSelector } from "./kinds.ts";

export type Labels = Readonly<Record<string, string>>;

/**
 * Whether `labels` match. As upstream (`LabelSelectorAsSelector`): no selector matches nothing, an empty one everything;
 * an operator that does not exist matches nothing.
 */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false;
  if (!matchesLabels(selector.matchLabels, labels)) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) =>
    matchesExpression({ key, operator, values }, labels),
  );
}

/** Whether every label of `wanted` is there; a missing or empty map matches everything. */
export function matchesLabels(wanted: Labels | undefined, labels: Labels | undefined): boolean {
  return Object.entries(wanted ?? {}).every(([name, value]) => valueOf(labels, name) === value);
}

export interface SelectorExpression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

/** One requirement of a label selector or of a node selector term (which also has Gt and Lt). */
export function matchesExpression(expression: SelectorExpression, labels: Labels | undefined): boolean {
  const { key, operator, values = [] } = expression;
  const value = valueOf(labels, key);
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return isInteger(value) && isInteger(values[0]) && BigInt(value) > BigInt(values[0]);
    case "Lt":
      return isInteger(value) && isInteger(values[0]) && BigInt(value) < BigInt(values[0]);
    default:
      return false;
  }
}

/** A label may be called `constructor`, which every object of JavaScript has without having that label. */
function valueOf(labels: Labels | undefined, name: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : undefined;
}

function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^-?\d+$/.test(text);
}
