import type { Primitive } from "../schema.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** Upstream's name of a definition: `apps.v1.Deployment` is `io.k8s.api.apps.v1.Deployment`. */
export function definitionName(schema: string): string {
  return schema.startsWith("meta.v1.") ? `${META}.${schema.slice("meta.v1.".length)}` : `io.k8s.api.${schema}`;
}

/** The primitives that upstream gives definitions of their own. */
export const NAMED_PRIMITIVES: Partial<Record<Primitive, string>> = {
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  "int-or-string": "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  time: `${META}.Time`,
  microtime: `${META}.MicroTime`,
};

/** The kinds of the definitions that are not stored, and where they are served. */
export const REQUEST_KINDS: Readonly<Record<string, { readonly group: string; readonly version: string }>> = {
  "meta.v1.DeleteOptions": { group: "", version: "v1" },
  "meta.v1.Status": { group: "", version: "v1" },
  "autoscaling.v1.Scale": { group: "autoscaling", version: "v1" },
  "policy.v1.Eviction": { group: "policy", version: "v1" },
  "core.v1.Binding": { group: "", version: "v1" },
  "authentication.v1.TokenRequest": { group: "authentication.k8s.io", version: "v1" },
  "authentication.v1.TokenReview": { group: "authentication.k8s.io", version: "v1" },
  "authentication.v1.SelfSubjectReview": { group: "authentication.k8s.io", version: "v1" },
  "authorization.v1.SubjectAccessReview": { group: "authorization.k8s.io", version: "v1" },
  "authorization.v1.LocalSubjectAccessReview": { group: "authorization.k8s.io", version: "v1" },
  "authorization.v1.SelfSubjectAccessReview": { group: "authorization.k8s.io", version: "v1" },
  "authorization.v1.SelfSubjectRulesReview": { group: "authorization.k8s.io", version: "v1" },
};
