import { negotiate } from "../http/accept.ts";
import { sendEntry } from "../objects/read-handler.ts";
import type { Registry } from "../registry.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";
import { requestedChange, writeContext } from "../objects/write-handler.ts";
import type { SubresourceHandler } from "./subresource.ts";

/** `status` of every kind that has one: reads the whole object, writes only that part of it. */
export function statusSubresource(registry: Registry, now: () => number): SubresourceHandler {
  return async ({ exchange, path }) => {
    const { served, namespace, name } = path;
    const ref = { namespace, name };
    const wanted = negotiate(exchange.header("accept"));
    switch (exchange.method) {
      case "GET": {
        const entry = registry.get(served.declaration, ref);
        return sendEntry(exchange, entry, { served, wanted, now: now() });
      }
      case "PUT":
      case "PATCH": {
        const change = await requestedChange(exchange, path);
        const context = { ...writeContext(exchange), scope: "status" } as const;
        const entry = await registry.update(served.declaration, ref, change, context);
        return sendEntry(exchange, entry, { served, wanted, now: now() });
      }
      default:
        throw methodNotAllowed();
    }
  };
}
