import { ApiError } from "../../api/api-error.ts";
import type { Served } from "../../api/catalog.ts";
import type { KubeObject } from "../../api/kinds.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Entry } from "../../store/port.ts";
import type { Wanted } from "../http/accept.ts";
import type { Exchange } from "../http/exchange.ts";
import { sendView } from "../http/send-view.ts";
import type { ListBodies } from "./list-body.ts";
import type { ListOptions } from "./list-options.ts";
import type { ListPages, Page } from "./list-pages.ts";
import { filtered, type ObjectFilter } from "./object-filter.ts";
import { entryJson, type IncludeObject, inVersion, partialMetadata, table } from "./object-view.ts";
import type { Registry } from "../registry.ts";
import { parseVersion, refuseFuture } from "./requested-version.ts";

export interface ReadDeps {
  readonly registry: Registry;
  readonly pages: ListPages;
  readonly bodies: ListBodies;
  readonly clock: Clock;
}

export interface ListRequest {
  readonly served: Served;
  readonly filter: ObjectFilter;
  readonly options: ListOptions;
  readonly wanted: Wanted;
}

export async function serveList(deps: ReadDeps, exchange: Exchange, request: ListRequest): Promise<void> {
  const { served, wanted } = request;
  const page = pageOf(deps, request);
  const metadata = {
    resourceVersion: page.resourceVersion,
    ...(page.continue === undefined ? {} : { continue: page.continue }),
    // With a selector the count is not told upstream, since it is not known there without reading on.
    ...(page.remaining === undefined || request.filter.matches ? {} : { remainingItemCount: page.remaining }),
  };
  const objects = (): KubeObject[] => page.entries.map(({ object }) => object);
  if (wanted.view === "table") {
    const includeObject = includeObjectOf(exchange.query);
    const body = table(served, objects(), { includeObject, columns: true, now: deps.clock.now(), metadata });
    return sendView(exchange, wanted, body);
  }
  if (wanted.view !== "object") {
    const items = objects().map(partialMetadata);
    return sendView(exchange, wanted, {
      kind: "PartialObjectMetadataList",
      apiVersion: "meta.k8s.io/v1",
      metadata,
      items,
    });
  }
  const body = deps.bodies.body(served, page.entries, metadata);
  if (wanted.format === "json" && !exchange.pretty) return exchange.send(200, body);
  return sendView(exchange, wanted, Buffer.concat(body));
}

function pageOf({ registry, pages }: ReadDeps, { served, filter, options }: ListRequest): Page {
  const namespace = filter.namespace === "" ? undefined : filter.namespace;
  const current = (): { entries: readonly Entry[]; resourceVersion: string } => {
    const { entries, resourceVersion } = registry.list(served.declaration, namespace);
    return { entries: filtered(entries, filter), resourceVersion };
  };
  checkVersion(registry, options);
  return pages.page(current, { limit: options.limit, token: options.continue });
}

function checkVersion({ store }: Registry, { resourceVersion, match, continue: token }: ListOptions): void {
  if (token !== undefined && resourceVersion !== undefined && resourceVersion !== "0") {
    throw new ApiError("BadRequest", "specifying resource version is not allowed when using continue");
  }
  refuseFuture(resourceVersion, store.resourceVersion);
  if (match !== "Exact" || resourceVersion === undefined) return;
  // Older states are not kept, and an older number may hide a deletion.
  if (parseVersion(resourceVersion) === BigInt(store.resourceVersion)) return;
  throw new ApiError(
    "Expired",
    `The resourceVersion for the provided list is too old: ${resourceVersion} (${store.resourceVersion})`,
  );
}

/** Sends one stored object, or what stands for it after a write. */
export async function sendEntry(
  exchange: Exchange,
  entry: Entry,
  view: { readonly served: Served; readonly wanted: Wanted; readonly now: number; readonly status?: number },
): Promise<void> {
  const { served, wanted, now, status = 200 } = view;
  if (wanted.view === "table") {
    const includeObject = includeObjectOf(exchange.query);
    const { resourceVersion } = entry;
    const body = table(served, [entry.object], { includeObject, columns: true, now, metadata: { resourceVersion } });
    return sendView(exchange, wanted, body, status);
  }
  if (wanted.view === "partial") return sendView(exchange, wanted, partialMetadata(entry.object), status);
  if (wanted.format === "yaml" || exchange.pretty)
    return sendView(exchange, wanted, inVersion(served, entry.object), status);
  return sendView(exchange, wanted, entryJson(served, entry), status);
}

export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const asked = query.get("includeObject") || "Metadata";
  if (asked === "Metadata" || asked === "None" || asked === "Object") return asked;
  throw new ApiError("BadRequest", `unrecognized includeObject value: ${JSON.stringify(asked)}`);
}
