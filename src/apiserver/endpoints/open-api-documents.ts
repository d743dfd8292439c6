import { createHash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { notAcceptable, parseAccept } from "../http/accept.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { serverVersion } from "../server-version.ts";

/** Documents are megabytes and asked for in bursts: kept this long, then made anew. */
const KEEP_MS = 60_000;
const V3 = "/openapi/v3";

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
    if (path !== "/openapi/v2" && path !== V3 && !path.startsWith(`${V3}/`)) return false;
    const document = await this.#document(path);
    if (!document) return false;
    refuseProtobuf(exchange);
    const { response } = exchange;
    response.setHeader("ETag", document.etag);
    // A document's address holds its hash, so that it never changes under it.
    const forever = exchange.query.has("hash");
    response.setHeader("Cache-Control", forever ? "public, immutable, max-age=31536000" : "no-cache, private");
    if (exchange.header("if-none-match") === document.etag) response.writeHead(304).end();
    else await exchange.send(200, document.body);
    return true;
  }

  #document(path: string): Promise<Document | undefined> {
    const kept = this.#kept.get(path);
    if (kept) return kept;
    const made = build(path);
    this.#kept.set(path, made);
    const forget = (): void => void this.#kept.delete(path);
    made.then(() => this.#clock.timer(KEEP_MS, forget), forget);
    return made;
  }
}

async function build(path: string): Promise<Document | undefined> {
  // Loaded on demand: most agents are never asked.
  const documents = await import("../../api/openapi/documents.ts");
  const info = { version: serverVersion().gitVersion };
  let value: object | undefined;
  if (path === "/openapi/v2") value = await documents.openapiV2(info);
  else if (path === V3) value = documents.openapiV3Index(info);
  else value = await documents.openapiV3(path.slice(V3.length + 1), info);
  if (!value) return undefined;
  const body = Buffer.from(JSON.stringify(value));
  return { body, etag: `"${createHash("sha256").update(body).digest("hex").toUpperCase()}"` };
}

/** Clients that know no JSON here would take our answer for theirs. */
function refuseProtobuf(exchange: Exchange): void {
  const asked = parseAccept(exchange.header("accept"));
  if (asked.length > 0 && asked.every(({ type }) => type.includes("protobuf"))) throw notAcceptable();
}
