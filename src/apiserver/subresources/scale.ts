import { ApiError } from "../../api/api-error.ts";
import { invalid, invalidObject } from "../../api/field-error.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { applyScale, toScale } from "../../api/scale.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Change, Registry } from "../registry.ts";
import { requestVirtual, virtualObject } from "../objects/request-object.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";
import { type NamedPath, readPatch, writeContext } from "../objects/write-handler.ts";
import type { SubresourceHandler } from "./subresource.ts";

const SCALE = { kind: "Scale", version: "v1", schema: "autoscaling.v1.Scale" } as const;

/** `scale` as autoscaling/v1 Scale: the replicas of a workload, and the selector of its pods. */
export function scaleSubresource(registry: Registry): SubresourceHandler {
  return async ({ exchange, path }) => {
    const { declaration } = path.served;
    const ref = { namespace: path.namespace, name: path.name };
    switch (exchange.method) {
      case "GET":
        return exchange.sendJson(200, toScale(declaration, registry.get(declaration, ref).object));
      case "PUT":
      case "PATCH": {
        const change = await scaleChange(exchange, path);
        const entry = await registry.update(declaration, ref, change, writeContext(exchange));
        return exchange.sendJson(200, toScale(declaration, entry.object));
      }
      default:
        throw methodNotAllowed();
    }
  };
}

async function scaleChange(exchange: Exchange, path: NamedPath): Promise<Change> {
  const { declaration } = path.served;
  if (exchange.method === "PATCH") {
    const patch = await readPatch(exchange);
    return (current) => {
      const value = patch(SCALE.schema, toScale(declaration, current));
      return scaled(current, virtualObject(exchange, SCALE, { value, duplicates: [] }), path.name);
    };
  }
  const scale = await requestVirtual(exchange, SCALE);
  if (!scale) throw new ApiError("BadRequest", "the request has no body: expected a Scale");
  return (current) => scaled(current, scale, path.name);
}

function scaled(current: KubeObject, scale: KubeObject, name: string): KubeObject {
  const { spec, metadata } = scale as KubeObject & { spec?: { replicas?: number } };
  const replicas = spec?.replicas ?? 0;
  if (replicas < 0) {
    const errors = [invalid("spec.replicas", replicas, "must be greater than or equal to 0")];
    throw invalidObject({ kind: SCALE.kind, group: "autoscaling", name }, errors);
  }
  const next = structuredClone(applyScale(current, { spec: { replicas } }));
  const { resourceVersion, uid } = metadata;
  if (resourceVersion && resourceVersion !== current.metadata.resourceVersion)
    next.metadata.resourceVersion = resourceVersion;
  else delete next.metadata.resourceVersion;
  if (uid) next.metadata.uid = uid;
  return next;
}
