import type { KindDeclaration } from "./kind.ts";
import type { KubeObject, LabelSelector } from "./kinds.ts";
import { formatLabelSelector, formatLabels } from "./selector.ts";

export interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

interface Scaled {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Record<string, string> };
  readonly status?: { readonly replicas?: number };
}

/** The autoscaling/v1 Scale of an object whose kind has the `scale` subresource. */
export function toScale(declaration: KindDeclaration, object: KubeObject): Scale {
  const { spec, status } = object as KubeObject & Scaled;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector =
    declaration.scale?.selector === "labels"
      ? formatLabels(spec?.selector as Record<string, string> | undefined)
      : formatLabelSelector(spec?.selector as LabelSelector | undefined);
  const metadata = Object.fromEntries(
    Object.entries({ name, namespace, uid, resourceVersion, creationTimestamp }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata,
    spec: spec?.replicas === undefined || spec.replicas === 0 ? {} : { replicas: spec.replicas },
    status: { replicas: status?.replicas ?? 0, ...(selector === "" ? {} : { selector }) },
  };
}

/** The object with the replicas that a Scale asks for; none means 0, as upstream reads it. */
export function applyScale(object: KubeObject, scale: { readonly spec?: { readonly replicas?: number } }): KubeObject {
  const spec = object["spec"] as object | undefined;
  return { ...object, spec: { ...spec, replicas: scale.spec?.replicas ?? 0 } };
}
