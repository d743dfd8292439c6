import { ApiError } from "../../api/api-error.ts";
import { declarations, type Served, servedKind } from "../../api/catalog.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { describeError } from "../../lib/log.ts";
import { type DecodedBody, decodeJson, mediaType } from "../http/decode-body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { readBody } from "../http/read-body.ts";
import type { Registry } from "../registry.ts";
import { storageObject } from "../objects/request-object.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";
import { writeContext } from "../objects/write-handler.ts";

/** Marks what came in through here, so that a delete by name takes nothing else. */
const MARK = "podman-swarm.io/manifest";
const DELETE_PATH = /^\/api\/v1\/manifests\/([^/]+)\/([^/]+)$/;

interface Item {
  readonly served: Served;
  readonly object: KubeObject;
}

interface Outcome {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly result: "created" | "configured" | "unchanged" | "deleted" | "failed";
  readonly message?: string;
}

/** `/api/v1/manifests`: whole manifests in, and what happened to each object out. */
export class Manifests implements Endpoint {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    if (exchange.path === "/api/v1/manifests") {
      if (exchange.method !== "POST") throw methodNotAllowed();
      await this.#apply(exchange);
      return true;
    }
    const match = DELETE_PATH.exec(exchange.path);
    if (!match) return false;
    if (exchange.method !== "DELETE") throw methodNotAllowed();
    const [namespace = "", name = ""] = match.slice(1).map(decodeURIComponent);
    await this.#delete(exchange, { namespace, name });
    return true;
  }

  async #apply(exchange: Exchange): Promise<void> {
    const documents = await readDocuments(exchange);
    // Everything is read before anything is written: a mistake in the last document changes nothing.
    const items = documents.map((document) => itemOf(exchange, document));
    const results: Outcome[] = [];
    for (const item of items) results.push(await this.#applyOne(exchange, item));
    const failed = results.some(({ result }) => result === "failed");
    await exchange.sendJson(failed ? 422 : 200, { results });
  }

  async #applyOne(exchange: Exchange, { served, object }: Item): Promise<Outcome> {
    const { declaration } = served;
    const { namespace, name = "" } = object.metadata;
    const about = {
      apiVersion: served.version.apiVersion,
      kind: declaration.kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
    };
    const context = writeContext(exchange);
    try {
      const before = this.#registry.find(declaration, { namespace, name });
      if (!before) {
        await this.#registry.create(declaration, object, context);
        return { ...about, result: "created" };
      }
      const after = await this.#registry.update(declaration, { namespace, name }, () => object, context);
      return { ...about, result: after.resourceVersion === before.resourceVersion ? "unchanged" : "configured" };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { ...about, result: "failed", message: describeError(error) };
    }
  }

  async #delete(exchange: Exchange, ref: { namespace: string; name: string }): Promise<void> {
    const results: Outcome[] = [];
    for (const declaration of declarations) {
      const entry = declaration.namespaced ? this.#registry.find(declaration, ref) : undefined;
      if (entry?.object.metadata.annotations?.[MARK] === undefined) continue;
      await this.#registry.delete(
        declaration,
        { ...ref, uid: entry.uid },
        { ...writeContext(exchange), propagationPolicy: "Background" },
      );
      results.push({ apiVersion: declaration.storage.apiVersion, kind: declaration.kind, ...ref, result: "deleted" });
    }
    if (results.length === 0) {
      const why = "nothing of that name was applied through /api/v1/manifests";
      throw new ApiError("NotFound", `Cannot delete the manifest ${ref.namespace}/${ref.name}: ${why}`);
    }
    await exchange.sendJson(200, { results });
  }
}

async function readDocuments(exchange: Exchange): Promise<readonly DecodedBody[]> {
  const text = (await readBody(exchange.request, exchange.signal)).toString("utf8");
  const type = mediaType(exchange);
  if (type === "application/json" && text.trimStart().startsWith("{")) return flatten(decodeJson(text));
  // YAML contains JSON, so that any media type that a client of curl happens to send will do.
  const { parseYaml, YamlError } = await import("../../api/yaml.ts");
  try {
    const documents = parseYaml(text).filter(({ value }) => value !== null && value !== undefined);
    if (documents.length === 0) throw new ApiError("BadRequest", "Cannot apply the manifest: it is empty");
    return documents.flatMap(flatten);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const message = `Cannot parse the manifest: ${error.message}, on line ${error.line}`;
    throw new ApiError("BadRequest", message, {}, { cause: error });
  }
}

/** Lists count as their items. */
function flatten({ value, duplicates }: DecodedBody): DecodedBody[] {
  const { kind, items } = (value ?? {}) as { kind?: unknown; items?: unknown };
  if (typeof kind !== "string" || !kind.endsWith("List") || !Array.isArray(items)) return [{ value, duplicates }];
  return items.flatMap((item, index) => {
    const place = `items[${index}].`;
    const inside = duplicates.filter((path) => path.startsWith(place)).map((path) => path.slice(place.length));
    return flatten({ value: item as unknown, duplicates: inside });
  });
}

function itemOf(exchange: Exchange, body: DecodedBody): Item {
  const { value } = body;
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  if (typeof apiVersion !== "string" || typeof kind !== "string") {
    throw new ApiError("BadRequest", "Cannot apply the manifest: a document has no apiVersion or no kind");
  }
  const served = servedKind(apiVersion, kind);
  if (!served)
    throw new ApiError(
      "BadRequest",
      `Cannot apply the manifest: no kind ${JSON.stringify(kind)} is served in ${JSON.stringify(apiVersion)}`,
    );
  const object = storageObject(exchange, served, body);
  const { metadata } = object;
  if (!metadata.name) throw new ApiError("BadRequest", `Cannot apply the manifest: a ${kind} has no metadata.name`);
  if (served.declaration.namespaced) metadata.namespace ||= exchange.query.get("namespace") || "default";
  metadata.annotations = { ...metadata.annotations, [MARK]: "applied" };
  return { served, object };
}
