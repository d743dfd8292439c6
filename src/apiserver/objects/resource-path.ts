import type { Served } from "../../api/catalog.ts";
import { servedResource } from "../../api/catalog.ts";

/** A path below /api or /apis that names objects of a kind. */
export interface ResourcePath {
  readonly served: Served;
  /** "" for cluster-scoped objects and for all namespaces. */
  readonly namespace: string;
  /** Absent for a collection. */
  readonly name?: string;
  readonly subresource?: string;
  /** What follows the subresource, still encoded: for `proxy`. */
  readonly rest: string;
  /** The old way to ask for a watch. */
  readonly watch: boolean;
}

/** Subresources of a namespace itself; anything else there is a resource inside it. */
const NAMESPACE_SUBRESOURCES = ["status", "finalize"];

/** Undefined where the path names no served resource. Throws URIError for broken percent-encoding. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const segments = path.split("/").slice(1);
  if (segments.at(-1) === "") segments.pop();
  const root = segments[0];
  if (root !== "api" && root !== "apis") return undefined;
  const head = root === "api" ? segments.slice(1, 2) : segments.slice(1, 3);
  const parts = segments.slice(root === "api" ? 2 : 3);
  const apiVersion = head.map(decodeURIComponent).join("/");
  const watch = parts[0] === "watch" && parts.length > 1;
  if (watch) parts.shift();
  return resolve(apiVersion, parts, watch);
}

function resolve(apiVersion: string, parts: readonly string[], watch: boolean): ResourcePath | undefined {
  const [first = "", second, third] = parts;
  if (first === "") return undefined;
  const inside = first === "namespaces" && third !== undefined && !NAMESPACE_SUBRESOURCES.includes(third);
  const namespace = inside ? decodeURIComponent(second ?? "") : "";
  const [plural = "", name, subresource, ...rest] = inside ? parts.slice(2) : parts;
  const served = servedResource(apiVersion, plural);
  if (!served) return undefined;
  const { namespaced } = served.declaration;
  if (inside && (!namespaced || namespace === "")) return undefined;
  // A namespaced object has no path without its namespace.
  if (!inside && namespaced && name !== undefined) return undefined;
  return {
    served,
    namespace,
    ...(name === undefined ? {} : { name: decodeURIComponent(name) }),
    ...(subresource === undefined ? {} : { subresource: decodeURIComponent(subresource) }),
    rest: rest.join("/"),
    watch,
  };
}
