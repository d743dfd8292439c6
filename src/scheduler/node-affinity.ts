import type { Pod } from "../api/kinds.ts";
import { matchesExpression, matchesLabels } from "../api/label-selector.ts";
import type { NodeInfo } from "./cluster-snapshot.ts";

type NodeAffinity = NonNullable<NonNullable<NonNullable<Pod["spec"]>["affinity"]>["nodeAffinity"]>;
type Term = NonNullable<NodeAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>["nodeSelectorTerms"][number];

/** Whether a node has what the pod's selector and required affinity ask for. Terms are alternatives. */
export function matchesNode({ spec }: Pod, node: NodeInfo): boolean {
  if (!matchesLabels(spec?.nodeSelector, node.labels)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** As upstream, a term that asks for nothing matches nothing. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: Term, node: NodeInfo): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { "metadata.name": node.name };
  return (
    matchExpressions.every((expression) => matchesExpression(expression, node.labels)) &&
    matchFields.every((expression) => matchesExpression(expression, fields))
  );
}
