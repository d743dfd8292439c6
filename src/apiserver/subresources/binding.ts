import { ApiError } from "../../api/api-error.ts";
import { bindPod, type PodBindingDeps } from "./pod-binding.ts";
import { requestVirtual } from "../objects/request-object.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";
import { writeContext } from "../objects/write-handler.ts";
import type { SubresourceHandler } from "./subresource.ts";

const BINDING = { kind: "Binding", version: "v1", schema: "core.v1.Binding" } as const;

/** `binding` of a pod: a scheduler's answer. */
export function bindingSubresource(deps: PodBindingDeps): SubresourceHandler {
  return async ({ exchange, path }) => {
    if (exchange.method !== "POST") throw methodNotAllowed();
    const body = await requestVirtual(exchange, BINDING);
    const { target } = (body ?? {}) as { target?: { kind?: string; name?: string } };
    if (!target?.name || (target.kind !== undefined && target.kind !== "Node")) {
      throw new ApiError("BadRequest", "Cannot bind the pod: target must be a Node and have a name");
    }
    const { uid, annotations } = body?.metadata ?? {};
    const pod = { namespace: path.namespace, name: path.name, uid };
    await bindPod(deps, { pod, nodeName: target.name, annotations }, writeContext(exchange));
    await exchange.sendJson(201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" });
  };
}
