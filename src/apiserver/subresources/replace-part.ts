import type { KubeObject } from "../../api/kinds.ts";
import { invalidObject } from "../../api/field-error.ts";
import { negotiate } from "../http/accept.ts";
import { sendEntry } from "../objects/read-handler.ts";
import type { Change, Registry } from "../registry.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";
import { requestedChange, writeContext } from "../objects/write-handler.ts";
import type { SubresourceHandler } from "./subresource.ts";

/**
 * A subresource that takes the whole object and writes one field of its spec, which the object's own path does not let
 * change: `finalizers` of a namespace (`finalize`), `ephemeralContainers` of a pod (`ephemeralcontainers`).
 */
export function replacePart(
  registry: Registry,
  now: () => number,
  field: "finalizers" | "ephemeralContainers",
): SubresourceHandler {
  return async ({ exchange, path }) => {
    const { served, namespace, name } = path;
    const { declaration } = served;
    const ref = { namespace, name };
    const wanted = negotiate(exchange.header("accept"));
    if (exchange.method === "GET") {
      return sendEntry(exchange, registry.get(declaration, ref), { served, wanted, now: now() });
    }
    if (exchange.method !== "PUT" && exchange.method !== "PATCH") throw methodNotAllowed();
    const change = await requestedChange(exchange, path);
    const only: Change = async (current) => {
      const next = withField(current, await change(current), field);
      const errors = declaration.validate(next);
      if (errors.length > 0) throw invalidObject({ kind: declaration.kind, group: declaration.group, name }, errors);
      return next;
    };
    const entry = await registry.update(declaration, ref, only, { ...writeContext(exchange), scope: "unchecked" });
    return sendEntry(exchange, entry, { served, wanted, now: now() });
  };
}

function withField(current: KubeObject, asked: KubeObject, field: string): KubeObject {
  const next = structuredClone(current);
  const spec = (next["spec"] ?? {}) as Record<string, unknown>;
  const value = (asked["spec"] as Record<string, unknown> | undefined)?.[field];
  if (value === undefined) delete spec[field];
  else spec[field] = structuredClone(value);
  next["spec"] = spec;
  const { resourceVersion, uid } = asked.metadata;
  if (resourceVersion) next.metadata.resourceVersion = resourceVersion;
  else delete next.metadata.resourceVersion;
  if (uid) next.metadata.uid = uid;
  return next;
}
