import { ApiError } from "../../api/api-error.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import { deleteOptions } from "./delete-options.ts";
import { negotiate, type Wanted } from "../http/accept.ts";
import type { Exchange } from "../http/exchange.ts";
import { type ListBodies, listBody } from "./list-body.ts";
import { flag, listOptions } from "./list-options.ts";
import type { ListPages } from "./list-pages.ts";
import { objectFilter } from "./object-filter.ts";
import { includeObjectOf, sendEntry, serveList } from "./read-handler.ts";
import type { Registry } from "../registry.ts";
import { refuseFuture } from "./requested-version.ts";
import type { ResourcePath } from "./resource-path.ts";
import type { SubresourceHandler } from "../subresources/subresource.ts";
import { serveWatch, type WatchDeps } from "../watch/watch-handler.ts";
import {
  createObject,
  deleteCollection,
  deletionStatus,
  type NamedPath,
  replaceObject,
  requestedChange,
  writeContext,
} from "./write-handler.ts";

export interface ResourceDeps {
  readonly registry: Registry;
  readonly pages: ListPages;
  readonly bodies: ListBodies;
  readonly clock: Clock;
  readonly random: Random;
  /** `status` and `scale` for every kind that has them, others by resource and name, such as `pods/log`. */
  readonly subresources: ReadonlyMap<string, SubresourceHandler>;
  readonly onSlowWatcher?: WatchDeps["onSlow"];
}

/** Serves every path that names objects. */
export class ResourceHandler {
  readonly #deps: ResourceDeps;

  constructor(deps: ResourceDeps) {
    this.#deps = deps;
  }

  async serve(exchange: Exchange, path: ResourcePath): Promise<void> {
    const { name, subresource } = path;
    exchange.about = requestAbout(exchange, path);
    if (name === undefined) return this.#collection(exchange, path);
    const named: NamedPath = { ...path, name };
    if (subresource === undefined) return this.#object(exchange, named);
    const { resource } = path.served.declaration;
    const { subresources } = this.#deps;
    const general = hasSubresource(path, subresource) ? subresources.get(subresource) : undefined;
    const handler = subresources.get(`${resource}/${subresource}`) ?? general;
    if (!handler) {
      throw new ApiError("NotFound", "the server could not find the requested resource");
    }
    return handler({ exchange, path: named });
  }

  async #collection(exchange: Exchange, path: ResourcePath): Promise<void> {
    const { served, namespace } = path;
    switch (exchange.method) {
      case "GET":
      case "HEAD":
        return this.#list(exchange, path);
      case "POST": {
        if (served.declaration.namespaced && namespace === "") throw methodNotAllowed();
        const entry = await createObject(this.#deps.registry, exchange, path);
        return this.#sendEntry(exchange, path, { entry, status: 201 });
      }
      case "DELETE":
        if (served.declaration.namespaced && namespace === "") throw methodNotAllowed();
        return this.#deleteCollection(exchange, path);
      default:
        throw methodNotAllowed();
    }
  }

  async #list(exchange: Exchange, path: ResourcePath): Promise<void> {
    const { served, namespace } = path;
    const wanted = negotiate(exchange.header("accept"));
    const filter = objectFilter(served, namespace, exchange.query);
    const options = listOptions(exchange.query);
    if (!path.watch && !options.watch) return serveList(this.#deps, exchange, { served, filter, options, wanted });
    return this.#watch(exchange, path, wanted);
  }

  async #watch(exchange: Exchange, path: ResourcePath, wanted: Wanted): Promise<void> {
    const { registry, clock, random, onSlowWatcher } = this.#deps;
    const query = new URLSearchParams(exchange.query);
    query.set("watch", "true");
    const request = {
      path,
      filter: objectFilter(path.served, path.namespace, query),
      options: listOptions(query),
      view: wanted.view,
      includeObject: includeObjectOf(query),
    };
    return serveWatch({ store: registry.store, clock, random, onSlow: onSlowWatcher }, exchange, request);
  }

  async #object(exchange: Exchange, path: NamedPath): Promise<void> {
    const { registry } = this.#deps;
    const { declaration } = path.served;
    const ref = { namespace: path.namespace, name: path.name };
    switch (exchange.method) {
      case "GET":
      case "HEAD": {
        if (path.watch) return this.#watchOne(exchange, path);
        refuseFuture(exchange.query.get("resourceVersion") || undefined, registry.store.resourceVersion);
        return this.#sendEntry(exchange, path, { entry: registry.get(declaration, ref), status: 200 });
      }
      case "PUT":
      case "PATCH": {
        const change = await requestedChange(exchange, path);
        const entry = await replaceObject(registry, exchange, path, change);
        return this.#sendEntry(exchange, path, { entry, status: 200 });
      }
      case "DELETE": {
        const context = { ...writeContext(exchange), ...(await deleteOptions(exchange)) };
        const deleted = await registry.delete(declaration, ref, context);
        if (deleted.removed) return exchange.sendJson(200, deletionStatus(path, deleted));
        return this.#sendEntry(exchange, path, { entry: deleted.entry, status: 200 });
      }
      default:
        throw methodNotAllowed();
    }
  }

  async #watchOne(exchange: Exchange, path: NamedPath): Promise<void> {
    exchange.query.set("fieldSelector", `metadata.name=${path.name}`);
    return this.#watch(exchange, path, negotiate(exchange.header("accept")));
  }

  async #deleteCollection(exchange: Exchange, path: ResourcePath): Promise<void> {
    const filter = objectFilter(path.served, path.namespace, exchange.query);
    const deletion = await deleteOptions(exchange);
    const context = writeContext(exchange);
    const entries = await deleteCollection(this.#deps.registry, path, { filter, deletion, context });
    const { resourceVersion } = this.#deps.registry.store;
    return exchange.send(200, listBody(path.served, entries, { resourceVersion }));
  }

  async #sendEntry(
    exchange: Exchange,
    { served }: ResourcePath,
    { entry, status }: { entry: Parameters<typeof sendEntry>[1]; status: number },
  ): Promise<void> {
    const wanted = negotiate(exchange.header("accept"));
    return sendEntry(exchange, entry, { served, wanted, now: this.#deps.clock.now(), status });
  }
}

function requestAbout(
  { method, query }: Exchange,
  { served, name, subresource = "", watch }: ResourcePath,
): Exchange["about"] {
  const read = method === "GET" || method === "HEAD";
  const many = { DELETE: "DELETECOLLECTION", GET: "LIST", HEAD: "LIST" } as Readonly<Record<string, string>>;
  const verb = name === undefined ? (many[method] ?? method) : method;
  const { group } = served.version;
  const watches = read && (watch || flag(query, "watch") === true);
  return { verb: watches ? "WATCH" : verb, group, resource: served.declaration.plural, subresource };
}

function hasSubresource({ served }: ResourcePath, name: string): boolean {
  const { status, scale } = served.declaration;
  return name === "status" ? status : name === "scale" && scale !== undefined;
}

export function methodNotAllowed(): ApiError {
  return new ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource");
}
