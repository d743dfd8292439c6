import { ApiError } from "../../api/api-error.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { isOwner } from "./reviews.ts";

/** Until roles are enforced only the group system:masters gets past here: nobody is let in by accident. */
export class OwnersOnly implements Endpoint {
  readonly #inner: readonly Endpoint[];

  constructor(inner: readonly Endpoint[]) {
    this.#inner = inner;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const { requester, method, path } = exchange;
    if (!requester || !isOwner(requester)) {
      const who = JSON.stringify(requester?.name ?? "system:anonymous");
      throw new ApiError(
        "Forbidden",
        `forbidden: User ${who} cannot ${method.toLowerCase()} path ${JSON.stringify(path)}`,
      );
    }
    for (const endpoint of this.#inner) if (await endpoint.serve(exchange)) return true;
    return false;
  }
}
