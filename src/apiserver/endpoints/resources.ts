import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ResourceHandler } from "../objects/resource-handler.ts";
import { parseResourcePath } from "../objects/resource-path.ts";

/** Every path of the Kubernetes API that names objects. */
export class Resources implements Endpoint {
  readonly #handler: ResourceHandler;

  constructor(handler: ResourceHandler) {
    this.#handler = handler;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const path = parseResourcePath(exchange.path);
    if (!path) return false;
    await this.#handler.serve(exchange, path);
    return true;
  }
}
