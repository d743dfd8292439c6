import type { Endpoint } from "./endpoint.ts";
import type { Exchange } from "./exchange.ts";

const METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
const HEADERS = "Authorization, Content-Type, Accept";

/** Lets the web pages of an allow-list use the API (`--cors-origins`); `*` allows every page, without credentials. */
export class Cors implements Endpoint {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const origin = exchange.header("origin");
    const { response } = exchange;
    response.setHeader("Vary", "Origin");
    if (origin === undefined || !(this.#origins.has("*") || this.#origins.has(origin))) return false;
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Access-Control-Expose-Headers", "Warning, Retry-After");
    if (exchange.method !== "OPTIONS") return false;
    response.setHeader("Access-Control-Allow-Methods", METHODS);
    response.setHeader("Access-Control-Allow-Headers", HEADERS);
    response.setHeader("Access-Control-Max-Age", "600");
    await exchange.send(204, "");
    return true;
  }
}
