import type { PodTemplateSpec } from "../../api/kinds.ts";
import { templateHash } from "../../api/submitted.ts";

/** Label that tells the pods of one revision from those of another (`apps.DefaultDeploymentUniqueLabelKey`). */
export const TEMPLATE_HASH = "pod-template-hash";

/** Names the revision of a template. A name that another set has is met by counting up `collisions`. */
export function revisionHash(template: PodTemplateSpec, collisions: number): string {
  if (collisions === 0) return plainHash(template);
  const { metadata } = withoutHash(template);
  const annotations = { ...metadata?.annotations, collisions: String(collisions) };
  return templateHash({ ...template, metadata: { ...metadata, annotations } });
}

/** Whether two templates make the same pods, whatever defaults their servers knew. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return a !== undefined && b !== undefined && plainHash(a) === plainHash(b);
}

/** Stored templates are never changed in place, and each is asked about in every step of a rollout. */
const known = new WeakMap<PodTemplateSpec, string>();

function plainHash(template: PodTemplateSpec): string {
  const hash = known.get(template) ?? templateHash(withoutHash(template));
  known.set(template, hash);
  return hash;
}

/** Without the label that the hash itself becomes, and without metadata that says nothing. */
function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { labels, annotations, ...metadata } = template.metadata ?? {};
  const { [TEMPLATE_HASH]: _, ...rest } = labels ?? {};
  delete metadata.creationTimestamp;
  return {
    ...template,
    metadata: {
      ...metadata,
      ...(Object.keys(rest).length > 0 ? { labels: rest } : {}),
      ...(Object.keys(annotations ?? {}).length > 0 ? { annotations } : {}),
    },
  } as PodTemplateSpec;
}
