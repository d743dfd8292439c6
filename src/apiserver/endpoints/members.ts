import { ApiError } from "../../api/api-error.ts";
import { describeError } from "../../lib/log.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ClusterMembers } from "../ports.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";

const PATH = /^\/api\/v1\/members(?:\/([^/]+))?$/;

/**
 * `GET /api/v1/members`: the cluster's nodes, and whether they live, and with `removed` whether they have taken this one
 * out; Nodes as objects are `/api/v1/nodes`.
 * `DELETE /api/v1/members/NAME` removes one (`?compromised=true`: and replaces all that it could have read), `POST /api/v1/leave` takes this one out.
 */
export class Members implements Endpoint {
  readonly #cluster: ClusterMembers;

  constructor(cluster: ClusterMembers) {
    this.#cluster = cluster;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const { method, path } = exchange;
    if (path === "/api/v1/leave") {
      if (method !== "POST") throw methodNotAllowed();
      await this.#change(exchange, "leave the cluster", () => this.#cluster.leave());
      return true;
    }
    const match = PATH.exec(path);
    if (!match) return false;
    const [, encoded] = match;
    if (encoded === undefined && method === "GET") await exchange.sendJson(200, this.#list());
    else if (encoded !== undefined && method === "DELETE") {
      const name = decodeURIComponent(encoded);
      const compromised = isSet(exchange.query.get("compromised"));
      await this.#change(exchange, `remove the node ${JSON.stringify(name)}`, () =>
        this.#cluster.remove(name, { compromised }),
      );
    } else throw methodNotAllowed();
    return true;
  }

  async #change(exchange: Exchange, what: string, change: () => Promise<string>): Promise<void> {
    let message: string;
    try {
      message = await change();
    } catch (error) {
      const reason = error instanceof ApiError ? error.reason : "ServiceUnavailable";
      throw new ApiError(reason, `Cannot ${what}: ${describeError(error)}`);
    }
    await exchange.sendJson(200, { message });
  }

  #list(): object {
    const { about, members } = { about: this.#cluster.about, members: this.#cluster.members() };
    return {
      cluster: about.clusterId,
      join_address: about.address,
      removed: this.#cluster.isRemoved(),
      members: members
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, host, port, state }) => ({ name, host, port, state })),
    };
  }
}

function isSet(value: string | null): boolean {
  if (value !== null && value !== "true" && value !== "false") {
    throw new ApiError("BadRequest", 'Cannot remove the node: "compromised" must be true or false');
  }
  return value === "true";
}
