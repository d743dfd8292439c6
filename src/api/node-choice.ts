import type { Node, Pod } from "./kinds.ts";
import { matchesExpression, matchesLabels, type Labels } from "./label-selector.ts";

type NodeAffinity = NonNullable<NonNullable<NonNullable<Pod["spec"]>["affinity"]>["nodeAffinity"]>;
type Term = NonNullable<NodeAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>["nodeSelectorTerms"][number];
type Toleration = NonNullable<NonNullable<Pod["spec"]>["tolerations"]>[number];
export type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];

/** What pods choose a node by. */
export interface NamedNode {
  readonly name: string;
  readonly labels: Labels;
}

/** Whether a node has what the pod's selector and required affinity ask for. Terms are alternatives. */
export function matchesNode({ spec }: Pod, node: NamedNode): boolean {
  if (!matchesLabels(spec?.nodeSelector, node.labels)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** As upstream, a term that asks for nothing matches nothing. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: Term, node: NamedNode): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { "metadata.name": node.name };
  return (
    matchExpressions.every((expression) => matchesExpression(expression, node.labels)) &&
    matchFields.every((expression) => matchesExpression(expression, fields))
  );
}

/** The first taint with one of the effects that the pod does not tolerate. */
export function untolerated(pod: Pod, taints: readonly Taint[], effects: readonly string[]): Taint | undefined {
  return taints.find(
    (taint) =>
      effects.includes(taint.effect) &&
      !(pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  );
}

export function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (operator === "Exists") return true;
  return Boolean(key) && (value ?? "") === (taint.value ?? "");
}
