import { ApiError, isReason } from "../../api/api-error.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { applyPatch, isPatchType, PATCH_TYPES } from "../../api/patch/apply-patch.ts";
import type { Entry } from "../../store/port.ts";
import type { WriteContext } from "../admission/admission.ts";
import { type RequestedDeletion } from "./delete-options.ts";
import { decodeJson, mediaType, unsupportedMediaType } from "../http/decode-body.ts";
import type { Exchange } from "../http/exchange.ts";
import { readBody } from "../http/read-body.ts";
import { filtered, type ObjectFilter } from "./object-filter.ts";
import { objectDetails } from "./object-errors.ts";
import { inVersion } from "./object-view.ts";
import type { Change, Deleted, Registry } from "../registry.ts";
import { dryRunOf, requestObject, storageObject } from "./request-object.ts";
import type { ResourcePath } from "./resource-path.ts";

/** Deletions of a collection that run at once. */
const DELETE_WORKERS = 16;

export type NamedPath = ResourcePath & { readonly name: string };

/** What a write takes from its request besides the object. */
export function writeContext(exchange: Exchange): WriteContext {
  return { user: exchange.requester, dryRun: dryRunOf(exchange.query), warn: exchange.warn };
}

export async function createObject(registry: Registry, exchange: Exchange, path: ResourcePath): Promise<Entry> {
  const object = await requestObject(exchange, path.served);
  takeNamespace(object, path);
  return registry.create(path.served.declaration, object, writeContext(exchange));
}

/** Reads a PUT's object or a PATCH once, and gives the change that it asks for, to be applied to any version. */
export async function requestedChange(exchange: Exchange, path: NamedPath): Promise<Change> {
  if (exchange.method === "PATCH") return requestedPatch(exchange, path);
  const object = await requestObject(exchange, path.served);
  checkIdentity(object, path);
  return () => object;
}

async function requestedPatch(exchange: Exchange, path: NamedPath): Promise<Change> {
  const { served } = path;
  const patch = await readPatch(exchange);
  return (current) => {
    const base = inVersion(served, current);
    const value = patch(served.version.schema, base);
    const next = storageObject(exchange, served, { value, duplicates: [] });
    checkIdentity(next, path);
    // Only a version that the patch itself names pins the write to it.
    if (next.metadata.resourceVersion === current.metadata.resourceVersion) delete next.metadata.resourceVersion;
    return next;
  };
}

export type Patch = (schema: string, base: object) => Record<string, unknown>;

export async function readPatch(exchange: Exchange): Promise<Patch> {
  const type = mediaType(exchange);
  if (type === "application/apply-patch+yaml") {
    const why = "server-side apply is not served yet: use kubectl apply without --server-side";
    throw new ApiError("UnsupportedMediaType", why);
  }
  if (!isPatchType(type)) throw unsupportedMediaType(PATCH_TYPES);
  const bytes = await readBody(exchange.request, exchange.signal);
  const { value: patch } = decodeJson(bytes.toString("utf8"));
  return (schema, object) => applyPatch(type, { schema, object, patch });
}

export function replaceObject(registry: Registry, exchange: Exchange, path: NamedPath, change: Change): Promise<Entry> {
  const ref = { namespace: path.namespace, name: path.name };
  return registry.update(path.served.declaration, ref, change, writeContext(exchange));
}

/** What a delete answers: the object while it lives on, else a Status. */
export function deletionStatus({ served }: ResourcePath, { entry }: Deleted): object {
  const details = objectDetails(served.declaration, entry.key.name, entry.uid);
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

/** Deletes all that match, a few at a time; gives what they were. What is gone meanwhile is no failure. */
export async function deleteCollection(
  registry: Registry,
  path: ResourcePath,
  request: { readonly filter: ObjectFilter; readonly deletion: RequestedDeletion; readonly context: WriteContext },
): Promise<Entry[]> {
  const { filter, deletion, context } = request;
  const { declaration } = path.served;
  const namespace = filter.namespace === "" ? undefined : filter.namespace;
  const waiting = [...filtered(registry.list(declaration, namespace).entries, filter)];
  const deleted: Entry[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        const ref = { namespace: next.key.namespace, name: next.key.name, uid: next.uid };
        deleted.push((await registry.delete(declaration, ref, { ...context, ...deletion })).entry);
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(DELETE_WORKERS, waiting.length) }, work));
  return deleted;
}

function takeNamespace(object: KubeObject, { served, namespace }: ResourcePath): void {
  if (!served.declaration.namespaced) return;
  const own = object.metadata.namespace;
  if (own !== undefined && own !== "" && own !== namespace) {
    throw new ApiError(
      "BadRequest",
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
  object.metadata.namespace = namespace;
}

function checkIdentity(object: KubeObject, path: NamedPath): void {
  const { name } = object.metadata;
  if (name !== undefined && name !== "" && name !== path.name) {
    throw new ApiError(
      "BadRequest",
      `the name of the object (${name}) does not match the name on the URL (${path.name})`,
    );
  }
  takeNamespace(object, path);
}
