import { declarationOf } from "../../api/catalog.ts";
import type { Objects } from "../../api/objects.ts";
import { groupSlices, serviceKey, servingEndpoints } from "../../api/serving-endpoints.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { notFound } from "../objects/object-errors.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";

const PATH = /^\/api\/v1\/services\/([^/]+)\/([^/]+)\/(endpoints|addresses)$/;

/** `/api/v1/services/{namespace}/{name}/endpoints` and `/addresses`: where a service's traffic goes right now. */
export class ServiceEndpoints implements Endpoint {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const match = PATH.exec(exchange.path);
    if (!match) return false;
    if (exchange.method !== "GET") throw methodNotAllowed();
    const [namespace = "", name = ""] = match.slice(1, 3).map(decodeURIComponent);
    const service = this.#objects.get("Service", { namespace, name });
    if (!service) throw notFound(declarationOf("Service"), name);
    const slices = groupSlices(this.#objects.list("EndpointSlice", namespace)).get(serviceKey(namespace, name)) ?? [];
    const endpoints = servingEndpoints(service, slices);
    const about = { service: name, namespace };
    if (match[3] === "endpoints") await exchange.sendJson(200, { ...about, endpoints });
    else {
      const addresses = endpoints.flatMap(({ address, ports }) => ports.map(({ port }) => joined(address, port)));
      await exchange.sendJson(200, { ...about, addresses: [...new Set(addresses)] });
    }
    return true;
  }
}

function joined(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
