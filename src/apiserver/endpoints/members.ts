import type { ClusterMembers } from "../ports.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { methodNotAllowed } from "../resource-handler.ts";

/** `/api/v1/members`: which nodes this one knows, and whether they live. Nodes as objects are `/api/v1/nodes`. */
export class Members implements Endpoint {
  readonly #cluster: ClusterMembers;

  constructor(cluster: ClusterMembers) {
    this.#cluster = cluster;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    if (exchange.path !== "/api/v1/members") return false;
    if (exchange.method !== "GET") throw methodNotAllowed();
    const members = this.#cluster.members().toSorted((a, b) => (a.name < b.name ? -1 : 1));
    await exchange.sendJson(200, {
      cluster: this.#cluster.about.clusterId,
      join_address: this.#cluster.about.address,
      members: members.map(({ name, host, port, state }) => ({ name, host, port, state })),
    });
    return true;
  }
}
