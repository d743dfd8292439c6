import { ApiError } from "../../api/api-error.ts";
import type { JoinTokenInfo, JoinTokenRequest, JoinTokens } from "../../security/tokens/join-tokens.ts";
import { decodeJson } from "../http/decode-body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { readBody } from "../http/read-body.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";

const PATH = /^\/api\/v1\/join-tokens(?:\/([^/]+?)(\/rotate)?)?$/;
const LONGEST_NAME = 253;
/** A century: longer means a mistake in the unit. */
const LONGEST_SECONDS = 100 * 365 * 86_400;
const MOST_USES = 1000;

/** `/api/v1/join-tokens`: makes, lists, revokes and rotates the tokens with which nodes join. */
export class JoinTokensEndpoint implements Endpoint {
  readonly #tokens: JoinTokens;
  readonly #address: string;

  /** `address` is the cluster port that goes with a token. */
  constructor(tokens: JoinTokens, address: string) {
    this.#tokens = tokens;
    this.#address = address;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const match = PATH.exec(exchange.path);
    if (!match) return false;
    const id = match[1] === undefined ? undefined : decodeURIComponent(match[1]);
    const { method } = exchange;
    if (match[2] !== undefined && id !== undefined) {
      if (method !== "POST") throw methodNotAllowed();
      await this.#show(exchange, await this.#tokens.rotate(id));
    } else if (method === "GET" && id === undefined) {
      await exchange.sendJson(200, { join_tokens: this.#tokens.list().map(shown) });
    } else if (method === "POST" && id === undefined) {
      await this.#show(exchange, await this.#tokens.create(await requested(exchange)));
    } else if (method === "DELETE" && id !== undefined) {
      await exchange.sendJson(200, shown(await this.#tokens.revoke(id)));
    } else throw methodNotAllowed();
    return true;
  }

  /** The secret is in this answer only. */
  async #show(exchange: Exchange, { token, ...info }: JoinTokenInfo & { readonly token: string }): Promise<void> {
    exchange.response.setHeader("Cache-Control", "no-store");
    await exchange.sendJson(201, { ...shown(info), token, address: this.#address });
  }
}

async function requested(exchange: Exchange): Promise<JoinTokenRequest> {
  const text = (await readBody(exchange.request, exchange.signal)).toString("utf8");
  const body = text.trim() === "" ? {} : decodeJson(text).value;
  const fields = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const { name = "", expires_in: expiresIn = 0, uses = 0 } = fields;
  if (typeof name !== "string" || name.length > LONGEST_NAME) {
    throw refused(`"name" must be a text of at most ${LONGEST_NAME} characters`);
  }
  if (!isCount(expiresIn, LONGEST_SECONDS))
    throw refused('"expires_in" must be a whole number of seconds, 0 for never');
  if (!isCount(uses, MOST_USES)) throw refused(`"uses" must be a whole number up to ${MOST_USES}, 0 for any number`);
  return { name, expiresIn, uses };
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}

function refused(why: string): ApiError {
  return new ApiError("BadRequest", `Cannot make a join token: ${why}`);
}

function shown({ id, name, createdAt, expiresAt, usesLeft, state }: JoinTokenInfo): object {
  return { id, name, created_at: createdAt, expires_at: expiresAt ?? null, uses_left: usesLeft ?? null, state };
}
