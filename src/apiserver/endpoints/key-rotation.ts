import { ApiError } from "../../api/api-error.ts";
import { describeError } from "../../lib/log.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import type { KeyRotation } from "../ports.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";

const PATH = /^\/api\/v1\/keys\/(gossip|data)\/rotate$/;

/** `/api/v1/keys/gossip/rotate` and `/api/v1/keys/data/rotate`: replaces a key while everything runs. */
export class KeyRotationEndpoint implements Endpoint {
  readonly #keys: KeyRotation;

  constructor(keys: KeyRotation) {
    this.#keys = keys;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const which = PATH.exec(exchange.path)?.[1];
    if (which === undefined) return false;
    if (exchange.method !== "POST") throw methodNotAllowed();
    await exchange.sendJson(200, { message: await this.#rotate(which) });
    return true;
  }

  async #rotate(which: string): Promise<string> {
    try {
      return which === "gossip" ? await this.#keys.rotateGossip() : await this.#keys.rotateData();
    } catch (error) {
      // Whoever may ask for this may know why: a member that does not answer, say.
      throw new ApiError("ServiceUnavailable", `Cannot replace the key: ${describeError(error)}`);
    }
  }
}
