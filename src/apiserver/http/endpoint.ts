import type { Exchange } from "./exchange.ts";

/** A set of paths. */
export interface Endpoint {
  /** Answers the request and gives true, or gives false where the path is none of its own. Throws ApiErrors. */
  serve(exchange: Exchange): Promise<boolean>;
}
