import type { IncomingMessage } from "node:http";

/** Headers that concern one connection only (RFC 9110 7.6.1, RFC 9112 9), and one that is a hazard (httpoxy). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "proxy",
]);

/** Set by us: what a client claims is passed on only where it is a trusted proxy. */
const FORWARDED = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-real-ip",
  "x-request-id",
]);

export interface ForwardContext {
  /** The Host that the client named, with its port. */
  readonly authority: string;
  readonly requestId: string;
  readonly secure: boolean;
  /** The port that clients use, for X-Forwarded-Port where the Host names none. */
  readonly publicPort: number;
  /** The client is a proxy whose own X-Forwarded headers hold. */
  readonly trusted: boolean;
}

/** A request's headers for the upstream, as a flat list of names and values. `expect` was answered by us already. */
export function requestHeaders(request: IncomingMessage, context: ForwardContext): string[] {
  const dropped = connectionTokens(request.headers.connection);
  const headers: string[] = ["host", context.authority];
  const raw = request.rawHeaders;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    if (name === "host" || name === "expect" || HOP_BY_HOP.has(name) || FORWARDED.has(name)) continue;
    // Framing is never the client's to strip by naming it in Connection.
    if (dropped.has(name) && name !== "content-length") continue;
    headers.push(raw[index]!, raw[index + 1]!);
  }
  const { secure, publicPort, trusted } = context;
  const claimed = (name: string): string | undefined => {
    const value = trusted ? request.headers[name] : undefined;
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const peer = plainAddress(request.socket.remoteAddress);
  const before = claimed("x-forwarded-for");
  const port = /:(\d+)$/.exec(context.authority)?.[1] ?? String(publicPort);
  headers.push(
    "x-forwarded-for",
    before === undefined ? peer : `${before}, ${peer}`,
    "x-forwarded-proto",
    claimed("x-forwarded-proto") ?? (secure ? "https" : "http"),
    "x-forwarded-host",
    claimed("x-forwarded-host") ?? context.authority,
    "x-forwarded-port",
    claimed("x-forwarded-port") ?? port,
    "x-real-ip",
    claimed("x-real-ip") ?? peer,
    "x-request-id",
    context.requestId,
  );
  return headers;
}

/** An upstream's answer's headers for the client. */
export function responseHeaders(raw: readonly (Buffer | string)[]): string[] {
  const texts = raw.map((one) => (typeof one === "string" ? one : one.toString("latin1")));
  let connection = "";
  for (let index = 0; index + 1 < texts.length; index += 2) {
    if (texts[index]!.toLowerCase() === "connection") connection += `,${texts[index + 1]}`;
  }
  const dropped = connectionTokens(connection);
  const headers: string[] = [];
  for (let index = 0; index + 1 < texts.length; index += 2) {
    const name = texts[index]!.toLowerCase();
    if (HOP_BY_HOP.has(name) || (dropped.has(name) && name !== "content-length")) continue;
    headers.push(texts[index]!, texts[index + 1]!);
  }
  return headers;
}

/** The client's own request id where it is harmless in a log, otherwise undefined. */
export function claimedRequestId(request: IncomingMessage): string | undefined {
  const id = request.headers["x-request-id"];
  return typeof id === "string" && /^[\w.:-]{1,128}$/.test(id) ? id : undefined;
}

/** `::ffff:1.2.3.4` as `1.2.3.4`. */
export function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
}

function connectionTokens(value: string | undefined): ReadonlySet<string> {
  if (!value) return new Set();
  return new Set(value.split(",").map((token) => token.trim().toLowerCase()));
}
