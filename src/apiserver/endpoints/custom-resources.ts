import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";

const PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/**
 * There are none. It is not in discovery, but kubectl lists them for a kind that it does not know, and says only that
 * the list failed where it should say that there is no such kind.
 */
export class CustomResources implements Endpoint {
  async serve(exchange: Exchange): Promise<boolean> {
    if (exchange.path !== PATH || exchange.method !== "GET" || exchange.query.get("watch")) return false;
    const apiVersion = "apiextensions.k8s.io/v1";
    await exchange.sendJson(200, { kind: "CustomResourceDefinitionList", apiVersion, metadata: {}, items: [] });
    return true;
  }
}
