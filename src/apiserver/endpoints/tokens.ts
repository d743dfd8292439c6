import { ApiError } from "../../api/api-error.ts";
import type { ApiTokens, TokenInfo } from "../../security/tokens/api-tokens.ts";
import { decodeJson } from "../http/decode-body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { readBody } from "../http/read-body.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";

const PATH = /^\/api\/v1\/tokens(?:\/([^/]+))?$/;
const LONGEST_NAME = 253;
/** A century: longer means a mistake in the unit. */
const LONGEST_SECONDS = 100 * 365 * 86_400;

/** `/api/v1/tokens`: makes, lists and revokes bearer tokens. */
export class Tokens implements Endpoint {
  readonly #tokens: ApiTokens;

  constructor(tokens: ApiTokens) {
    this.#tokens = tokens;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const match = PATH.exec(exchange.path);
    if (!match) return false;
    const id = match[1];
    if (exchange.method === "GET" && id === undefined) {
      await exchange.sendJson(200, { tokens: this.#tokens.list().map(shown) });
    } else if (exchange.method === "POST" && id === undefined) {
      await this.#create(exchange);
    } else if (exchange.method === "DELETE" && id !== undefined) {
      await this.#tokens.remove(decodeURIComponent(id));
      await exchange.sendJson(200, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" });
    } else throw methodNotAllowed();
    return true;
  }

  async #create(exchange: Exchange): Promise<void> {
    // Any media type: `curl -d` sends one that means forms.
    const body = decodeJson((await readBody(exchange.request, exchange.signal)).toString("utf8")).value;
    const { name, expires_in: expiresIn = 0 } = (typeof body === "object" && body !== null ? body : {}) as Record<
      string,
      unknown
    >;
    if (typeof name !== "string" || name === "" || name.length > LONGEST_NAME) {
      throw new ApiError("BadRequest", `Cannot make a token: "name" must be a text of 1 to ${LONGEST_NAME} characters`);
    }
    if (typeof expiresIn !== "number" || !Number.isInteger(expiresIn) || expiresIn < 0 || expiresIn > LONGEST_SECONDS) {
      throw new ApiError(
        "BadRequest",
        'Cannot make a token: "expires_in" must be a whole number of seconds, 0 for never',
      );
    }
    const { token, ...info } = await this.#tokens.create(name, expiresIn);
    // The secret is in this answer only.
    exchange.response.setHeader("Cache-Control", "no-store");
    await exchange.sendJson(201, { ...shown(info), token });
  }
}

function shown({ id, name, createdAt, expiresAt }: TokenInfo): object {
  return { id, name, created_at: createdAt, expires_at: expiresAt ?? null };
}
