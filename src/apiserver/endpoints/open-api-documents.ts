import { createHash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { notAcceptable, parseAccept } from "../http/accept.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { serverVersion } from "../server-version.ts";

/** Documents are megabytes and asked for in bursts: kept this long, then made anew. */
const KEEP_MS = 60_000;
const JSON_TYPE = "application/json";
const V2 = "/openapi/v2";
const V3 = "/openapi/v3";

/** What client-go asks OpenAPI 2 for (client-go `discovery.openAPIV2mimePb`), and how upstream names the answer. */
const GNOSTIC = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const GNOSTIC_ANSWER = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

interface Document {
  readonly body: Buffer;
  readonly etag: string;
}

/** /openapi/v2 and /openapi/v3: what `kubectl explain` shows and clients validate with. */
export class OpenApiDocuments implements Endpoint {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Promise<Document | undefined>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const { path } = exchange;
    if (path !== V2 && path !== V3 && !path.startsWith(`${V3}/`)) return false;
    const type = negotiated(exchange);
    const document = await this.#document(path, type);
    if (!document) return false;
    const { response } = exchange;
    response.setHeader("ETag", document.etag);
    // A document's address holds its hash, so that it never changes under it.
    const forever = exchange.query.has("hash");
    response.setHeader("Cache-Control", forever ? "public, immutable, max-age=31536000" : "no-cache, private");
    if (exchange.header("if-none-match") === document.etag) response.writeHead(304).end();
    else await exchange.send(200, document.body, type);
    return true;
  }

  #document(path: string, type: string): Promise<Document | undefined> {
    const key = `${type} ${path}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const made = build(path, type);
    this.#kept.set(key, made);
    const forget = (): void => void this.#kept.delete(key);
    made.then(() => this.#clock.timer(KEEP_MS, forget), forget);
    return made;
  }
}

async function build(path: string, type: string): Promise<Document | undefined> {
  // Loaded on demand: most agents are never asked.
  const documents = await import("../../api/openapi/documents.ts");
  const info = { version: serverVersion().gitVersion };
  if (type === GNOSTIC_ANSWER) {
    const { encodeGnostic } = await import("../../api/openapi/gnostic.ts");
    return withTag(encodeGnostic(await documents.openapiV2(info)));
  }
  let value: object | undefined;
  if (path === V2) value = await documents.openapiV2(info);
  else if (path === V3) value = documents.openapiV3Index(info);
  else value = await documents.openapiV3(path.slice(V3.length + 1), info);
  return value && withTag(Buffer.from(JSON.stringify(value)));
}

function withTag(body: Buffer): Document {
  return { body, etag: `"${createHash("sha256").update(body).digest("hex").toUpperCase()}"` };
}

/** The media type of the answer. Clients that take protobuf of another sort alone would take our JSON for it. */
function negotiated(exchange: Exchange): string {
  const asked = parseAccept(exchange.header("accept"));
  for (const { type } of asked) {
    if (type === GNOSTIC && exchange.path === V2) return GNOSTIC_ANSWER;
    if (!type.includes("protobuf")) return JSON_TYPE;
  }
  if (asked.length > 0) throw notAcceptable();
  return JSON_TYPE;
}
