import type { Metrics } from "../../lib/metrics.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { serverVersion } from "../server-version.ts";

/** /version, /metrics, and the list of paths at the root. */
export class ServerInfo implements Endpoint {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    switch (exchange.path) {
      case "/version":
      case "/version/":
        await exchange.send(200, JSON.stringify(serverVersion(), undefined, 2));
        return true;
      case "/metrics":
        await exchange.send(200, this.#metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
        return true;
      case "/": {
        const paths = [
          "/api",
          "/apis",
          "/healthz",
          "/livez",
          "/metrics",
          "/openapi/v2",
          "/openapi/v3",
          "/readyz",
          "/version",
        ];
        await exchange.sendJson(200, { paths });
        return true;
      }
      default:
        return false;
    }
  }
}
