import { createHash } from "node:crypto";
import type { PodTemplateSpec } from "../../api/kinds.ts";
import { asSubmitted } from "./as-submitted.ts";

/** Label that tells the pods of one revision from those of another (`apps.DefaultDeploymentUniqueLabelKey`). */
export const TEMPLATE_HASH = "pod-template-hash";

/** Upstream's alphabet for hashes in names (apimachinery `rand.SafeEncodeString`). */
const SAFE = "bcdfghjklmnpqrstvwxz2456789";

/** Names the revision of a template. A collision with another template's hash is met by counting up `collisions`. */
export function templateHash(template: PodTemplateSpec, collisions: number): string {
  const hash = createHash("sha256")
    .update(canonicalTemplate(template))
    .update(collisions > 0 ? String(collisions) : "")
    .digest()
    .readUInt32BE(0);
  return Array.from(String(hash), (digit) => SAFE[(digit.codePointAt(0) ?? 0) % SAFE.length]).join("");
}

/** Whether two templates make the same pods, whatever defaults their servers knew. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return a !== undefined && b !== undefined && canonicalTemplate(a) === canonicalTemplate(b);
}

const canonical = new WeakMap<PodTemplateSpec, string>();

function canonicalTemplate(template: PodTemplateSpec): string {
  const known = canonical.get(template);
  if (known !== undefined) return known;
  const text = JSON.stringify(sorted(asSubmitted(withoutHash(template))));
  canonical.set(template, text);
  return text;
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [TEMPLATE_HASH]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}
