import type { IncomingMessage } from "node:http";
import { claimedRequestId, plainAddress, type ForwardContext } from "./forward-headers.ts";

/** What is common to all requests of one listener. */
export interface ListenerContext {
  readonly secure: boolean;
  readonly publicPort: number;
  readonly isTrusted: (address: string) => boolean;
  readonly newId: () => string;
}

/** A request that may be routed, its host and target taken apart. */
export interface Incoming {
  readonly request: IncomingMessage;
  /** For rules: lower case, without port and final dot. */
  readonly host: string;
  /** What is forwarded: path and query, as the client wrote them. */
  readonly target: string;
  readonly forward: ForwardContext;
}

const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::\d{1,5})?$/i;

/** Reads what routing needs; a status when the request must not be routed. */
export function readIncoming(request: IncomingMessage, listener: ListenerContext): Incoming | { refuse: 400 | 405 } {
  if (request.method === "TRACE" || request.method === "CONNECT") return { refuse: 405 };
  // Two Host headers are read differently by different servers: nobody sends them with good intent.
  if (countHosts(request.rawHeaders) > 1) return { refuse: 400 };
  let authority = request.headers.host ?? "";
  let target = request.url ?? "/";
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute) {
    // RFC 9112 3.2.2: the target's authority stands above the Host header.
    authority = absolute[1]!;
    target = absolute[2]!.startsWith("/") ? absolute[2]! : `/${absolute[2]}`;
  }
  if (!target.startsWith("/") || target.includes("#")) return { refuse: 400 };
  const named = AUTHORITY.exec(authority)?.[1];
  // HTTP/1.0 need not name a host.
  if (named === undefined && (authority !== "" || request.httpVersion !== "1.0")) return { refuse: 400 };
  return {
    request,
    host: (named ?? "").toLowerCase().replace(/\.$/, ""),
    target,
    forward: {
      authority: authority === "" ? plainAddress(request.socket.localAddress) : authority,
      requestId: claimedRequestId(request) ?? listener.newId(),
      secure: listener.secure,
      publicPort: listener.publicPort,
      trusted: listener.isTrusted(plainAddress(request.socket.remoteAddress)),
    },
  };
}

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  return count;
}
