import { declarations } from "../../api/catalog.ts";
import type { KindDeclaration, ServedVersion } from "../../api/kind.ts";

export interface DiscoveredSubresource {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** One resource of one group and version, as both forms of discovery tell it. */
export interface DiscoveredResource {
  readonly group: string;
  readonly version: string;
  readonly name: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly DiscoveredSubresource[];
}

const READ_WRITE = ["get", "patch", "update"];

/** Resources that are answered and not stored: who am I, may I. */
const REVIEWS: readonly DiscoveredResource[] = [
  review("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
  review("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
  review("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
];

/** Everything that is served, in the catalog's order. */
export function discoveredResources(): readonly DiscoveredResource[] {
  const stored = declarations.flatMap((declaration) =>
    declaration.versions.map((version) => discovered(declaration, version)),
  );
  return [...stored, ...REVIEWS];
}

function discovered(declaration: KindDeclaration, served: ServedVersion): DiscoveredResource {
  const { kind, plural, singular, namespaced, verbs, shortNames, categories } = declaration;
  const { group, version } = served;
  const subresources = declaration.subresources.map((each): DiscoveredSubresource => ({
    name: each.name,
    group: each.group ?? (each.kind === undefined ? group : ""),
    version: each.version ?? (each.kind === undefined ? version : "v1"),
    kind: each.kind ?? kind,
    verbs: each.verbs,
  }));
  if (declaration.scale) {
    subresources.push({ name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: READ_WRITE });
  }
  if (declaration.status) subresources.push({ name: "status", group, version, kind, verbs: READ_WRITE });
  return {
    group,
    version,
    name: plural,
    singular,
    kind,
    namespaced,
    verbs,
    shortNames,
    categories,
    subresources: subresources.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function review(group: string, kind: string, name: string): DiscoveredResource {
  const singular = kind.toLowerCase();
  const none = { namespaced: false, shortNames: [], categories: [], subresources: [] };
  return { group, version: "v1", name, singular, kind, verbs: ["create"], ...none };
}
