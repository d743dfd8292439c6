import { servedResource } from "../../api/catalog.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { methodNotAllowed, type ResourceHandler } from "../objects/resource-handler.ts";

/** Short paths, `/api/v1/NAME` and `/api/v1/NAME/{namespace}/{name}`, for resources that Kubernetes has elsewhere. */
const ALIASES: Readonly<Record<string, { readonly apiVersion: string; readonly plural: string }>> = {
  deployments: { apiVersion: "apps/v1", plural: "deployments" },
  pods: { apiVersion: "v1", plural: "pods" },
};

/** The product's own short paths for reading workloads. */
export class Aliases implements Endpoint {
  readonly #handler: ResourceHandler;

  constructor(handler: ResourceHandler) {
    this.#handler = handler;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const [, api, version, alias = "", namespace, name, ...rest] = exchange.path.split("/");
    const target = api === "api" && version === "v1" && rest.length === 0 ? ALIASES[alias] : undefined;
    const served = target && servedResource(target.apiVersion, target.plural);
    // One segment alone after the alias names neither all objects nor one.
    if (!served || (namespace !== undefined && name === undefined)) return false;
    if (exchange.method !== "GET") throw methodNotAllowed();
    const at = name === undefined ? {} : { name: decodeURIComponent(name) };
    const path = { served, namespace: decodeURIComponent(namespace ?? ""), ...at, rest: "", watch: false };
    await this.#handler.serve(exchange, path);
    return true;
  }
}
