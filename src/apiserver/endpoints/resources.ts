import { ApiError } from "../../api/api-error.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ResourceHandler } from "../resource-handler.ts";
import { parseResourcePath, type ResourcePath } from "../resource-path.ts";

/** Every path of the Kubernetes API that names objects. */
export class Resources implements Endpoint {
  readonly #handler: ResourceHandler;

  constructor(handler: ResourceHandler) {
    this.#handler = handler;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const path = parsed(exchange.path);
    if (!path) return false;
    await this.#handler.serve(exchange, path);
    return true;
  }
}

function parsed(path: string): ResourcePath | undefined {
  try {
    return parseResourcePath(path);
  } catch (error) {
    throw new ApiError(
      "BadRequest",
      `Cannot read the path ${JSON.stringify(path)}: its percent-encoding is broken`,
      {},
      { cause: error },
    );
  }
}
