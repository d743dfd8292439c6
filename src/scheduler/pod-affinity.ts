import type { LabelSelector, Pod } from "../api/kinds.ts";
import { matchesSelector } from "../api/label-selector.ts";
import type { Stored } from "../api/stored.ts";
import type { ClusterSnapshot, NodeInfo } from "./cluster-snapshot.ts";

type PodAffinity = NonNullable<NonNullable<NonNullable<Pod["spec"]>["affinity"]>["podAffinity"]>;
export type Term = NonNullable<PodAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>[number];

/** Whether `other` is one of the pods that a term of `pod` speaks of. */
export function isMeant(
  term: Term,
  { pod, other, snapshot }: { pod: Stored<"Pod">; other: Stored<"Pod">; snapshot: ClusterSnapshot },
): boolean {
  const namespace = other.metadata.namespace ?? "";
  const named = term.namespaces?.includes(namespace) === true;
  const selected =
    term.namespaceSelector !== undefined &&
    matchesSelector(term.namespaceSelector, snapshot.namespaceLabels(namespace));
  const nothing = (term.namespaces ?? []).length === 0 && term.namespaceSelector === undefined;
  const own = nothing && namespace === pod.metadata.namespace;
  return (named || selected || own) && matchesSelector(withKeys(term, pod), other.metadata.labels);
}

/** `matchLabelKeys` and `mismatchLabelKeys` take the values of the pod's own labels. */
function withKeys(term: Term, { metadata }: Stored<"Pod">): LabelSelector | undefined {
  const expressions = (
    keys: readonly string[] | undefined,
    operator: string,
  ): NonNullable<LabelSelector["matchExpressions"]> =>
    (keys ?? []).flatMap((key) => {
      const value = metadata.labels?.[key];
      return value === undefined ? [] : [{ key, operator, values: [value] }];
    });
  const more = [...expressions(term.matchLabelKeys, "In"), ...expressions(term.mismatchLabelKeys, "NotIn")];
  if (!term.labelSelector || more.length === 0) return term.labelSelector;
  return { ...term.labelSelector, matchExpressions: [...(term.labelSelector.matchExpressions ?? []), ...more] };
}

export type Refusal = (node: NodeInfo) => string | undefined;

/** Required affinity: there must be a pod of each term in the node's domain. */
export function requiredAffinity(pod: Stored<"Pod">, snapshot: ClusterSnapshot): Refusal | undefined {
  const terms = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (terms.length === 0) return undefined;
  const domains = terms.map((term) => domainsOf(term, { pod, snapshot }));
  // The first pod of a group that wants to be together may start anywhere, or none ever would.
  const first =
    domains.every(({ size }) => size === 0) && terms.every((term) => isMeant(term, { pod, other: pod, snapshot }));
  return (node) => {
    const met = terms.every((term, position) => {
      const domain = node.labels[term.topologyKey];
      return domain !== undefined && (first || domains[position]?.has(domain) === true);
    });
    return met ? undefined : "node(s) didn't match pod affinity rules";
  };
}

/** Required anti-affinity of the pod itself. */
export function requiredAntiAffinity(pod: Stored<"Pod">, snapshot: ClusterSnapshot): Refusal | undefined {
  const terms = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (terms.length === 0) return undefined;
  const domains = terms.map((term) => domainsOf(term, { pod, snapshot }));
  return (node) => {
    const clash = terms.some((term, position) => {
      const domain = node.labels[term.topologyKey];
      return domain !== undefined && domains[position]?.has(domain) === true;
    });
    return clash ? "node(s) didn't match pod anti-affinity rules" : undefined;
  };
}

/** Required anti-affinity of pods that run already: it holds against newcomers too. */
export function othersAntiAffinity(pod: Stored<"Pod">, snapshot: ClusterSnapshot): Refusal | undefined {
  const forbidden = snapshot.repelling.flatMap(({ pod: resident, node }) =>
    (resident.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
      .filter((term) => isMeant(term, { pod: resident, other: pod, snapshot }))
      .flatMap(({ topologyKey }) => {
        const value = node.labels[topologyKey];
        return value === undefined ? [] : [{ topologyKey, value }];
      }),
  );
  if (forbidden.length === 0) return undefined;
  return (node) =>
    forbidden.some(({ topologyKey, value }) => node.labels[topologyKey] === value)
      ? "node(s) didn't satisfy existing pods anti-affinity rules"
      : undefined;
}

/** The domains in which pods that a term speaks of run, with their numbers. */
export function domainsOf(
  term: Term,
  { pod, snapshot }: { readonly pod: Stored<"Pod">; readonly snapshot: ClusterSnapshot },
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of snapshot.nodes) {
    const domain = node.labels[term.topologyKey];
    if (domain === undefined) continue;
    const found = node.pods.filter((other) => isMeant(term, { pod, other, snapshot })).length;
    if (found > 0) counts.set(domain, (counts.get(domain) ?? 0) + found);
  }
  return counts;
}
