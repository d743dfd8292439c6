import type { Node, Pod } from "../../api/kinds.ts";
import { matchesExpression, matchesLabels } from "../../api/label-selector.ts";

type Toleration = NonNullable<NonNullable<Pod["spec"]>["tolerations"]>[number];
type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];

/** Whether a pod's node selector and required node affinity still hold for the node. Terms are alternatives. */
export function acceptsNode({ spec }: Pod, { metadata }: Node): boolean {
  const labels = metadata?.labels ?? {};
  if (!matchesLabels(spec?.nodeSelector, labels)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return true;
  const fields = { "metadata.name": metadata?.name ?? "" };
  // A term that asks for nothing matches nothing, as upstream.
  return required.nodeSelectorTerms.some(
    ({ matchExpressions = [], matchFields = [] }) =>
      matchExpressions.length + matchFields.length > 0 &&
      matchExpressions.every((expression) => matchesExpression(expression, labels)) &&
      matchFields.every((expression) => matchesExpression(expression, fields)),
  );
}

export function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (operator === "Exists") return true;
  return Boolean(key) && (value ?? "") === (taint.value ?? "");
}
