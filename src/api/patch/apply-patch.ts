import { ApiError } from "../api-error.ts";
import { isNestedTooDeeply } from "../nesting.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

/** The content types of a PATCH that are served. Server-side apply (`application/apply-patch+yaml`) has its place here. */
export const PATCH_TYPES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
] as const;

export type PatchType = (typeof PATCH_TYPES)[number];

export function isPatchType(contentType: string): contentType is PatchType {
  return (PATCH_TYPES as readonly string[]).includes(contentType);
}

/** Gives the patched object; it still has to be decoded and validated. `schema` is that of the version patched. */
export function applyPatch(
  type: PatchType,
  { schema, object, patch }: { readonly schema: string; readonly object: unknown; readonly patch: unknown },
): Record<string, unknown> {
  if (isNestedTooDeeply(patch)) throw new ApiError("BadRequest", "the patch is nested too deeply");
  const result = patched(type, { schema, object, patch });
  if (typeof result !== "object" || result === null || Array.isArray(result)) {
    throw new ApiError("BadRequest", "the patch would make the object something else than an object");
  }
  // A copy into itself can nest a document more deeply than any patch is.
  if (isNestedTooDeeply(result)) throw new ApiError("BadRequest", "the patched object is nested too deeply");
  return result as Record<string, unknown>;
}

function patched(
  type: PatchType,
  { schema, object, patch }: { schema: string; object: unknown; patch: unknown },
): unknown {
  switch (type) {
    case "application/json-patch+json":
      return applyJsonPatch(object, patch);
    case "application/merge-patch+json":
      return applyMergePatch(object, patch);
    case "application/strategic-merge-patch+json":
      return applyStrategicMerge(schema, object, patch);
  }
}
