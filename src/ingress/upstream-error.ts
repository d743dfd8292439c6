/** What a failed attempt means for the request. */
export type UpstreamFailure =
  /** No connection was made: nothing was sent, any request may go to another endpoint. */
  | "unreachable"
  /** The connection broke: the upstream may have acted on the request. */
  | "broken"
  | "timeout"
  /** The request has a form that may not be sent on: no endpoint was asked. */
  | "invalid";

/** System errors of connect(2) by which nothing was sent. */
const CONNECT_CODES = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "EADDRNOTAVAIL", "ENOENT"]);

export function classifyFailure(error: unknown): UpstreamFailure {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "UND_ERR_CONNECT_TIMEOUT" || syscall === "connect" || (code !== undefined && CONNECT_CODES.has(code))) {
    return "unreachable";
  }
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED") return "invalid";
  return code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT" ? "timeout" : "broken";
}

export const FAILURE_STATUS = { unreachable: 503, broken: 502, timeout: 504, invalid: 400 } as const satisfies Record<
  UpstreamFailure,
  number
>;
