import type { Exchange } from "../http/exchange.ts";
import type { NamedPath } from "../objects/write-handler.ts";

export interface SubresourceRequest {
  readonly exchange: Exchange;
  readonly path: NamedPath;
}

/** Answers every method on one subresource of an object. */
export type SubresourceHandler = (request: SubresourceRequest) => Promise<void>;
