import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "../api/api-error.ts";
import { type Clock, timestamp } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import type { Counter, Histogram, Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import type { Authenticator } from "../security/authenticator.ts";
import { AuditLimit } from "./audit/audit-limit.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import type { Cors } from "./http/cors.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { toApiError } from "./http/error-status.ts";
import { Exchange } from "./http/exchange.ts";
import { impersonated } from "./impersonation.ts";

/** Upstream's deadline of a request that is no stream. */
const DEADLINE_MS = 60_000;
const LONGEST_AUDITED_PATH = 1024;
/** Paths that stream: they end when they are done or the client goes. */
const STREAMS = /\/(log|exec|attach|portforward|proxy)(\/|$)|\/watch\//;

export interface RouterDeps {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly audit?: AuditLog | undefined;
  readonly cors?: Cors | undefined;
  /** Answered before anyone is asked who they are. */
  readonly open: readonly Endpoint[];
  /** Tried in this order; the first that knows the path answers. */
  readonly endpoints: readonly Endpoint[];
}

const NO_OBJECTS = { group: "", resource: "", subresource: "" };
/** Made once: it is the end of every request, and a stack costs time. */
const CLOSED = new DOMException("the connection or the answer has ended", "AbortError");

/** What every request goes through: deadline, authentication, dispatch, errors as Status, audit and metrics. */
export class RequestRouter {
  readonly #deps: RouterDeps;
  readonly #active = new Set<AbortController>();
  readonly #requests: Counter;
  readonly #duration: Histogram;
  readonly #strangers: AuditLimit;
  #stopped = false;

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.#strangers = new AuditLimit(deps.clock);
    const { metrics } = deps;
    this.#requests = metrics.counter("apiserver_request_total", "Requests by what they ask for and status code.");
    this.#duration = metrics.histogram("apiserver_request_duration_seconds", "Time to answer, without streams.");
    metrics.reading(
      "apiserver_current_inflight_requests",
      "Requests being answered, streams among them.",
      () => this.#active.size,
    );
  }

  /** Handles one request. Never throws. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    this.#handle(request, response).catch((error: unknown) => {
      this.#deps.log.error("cannot answer a request", { path: request.url, error: describeError(error) });
      response.destroy();
    });
  };

  /** Ends all streams, and refuses what comes after. */
  stop(): void {
    this.#stopped = true;
    for (const controller of this.#active) controller.abort();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, log } = this.#deps;
    const started = clock.monotonic();
    const controller = new AbortController();
    this.#active.add(controller);
    response.once("close", () => controller.abort(CLOSED));
    const exchange = new Exchange(request, response, controller.signal);
    const streams = isStream(exchange);
    const fail = (error: unknown): Promise<void> => sendError(exchange, toApiError(error, log));
    const cancel = streams ? (): void => {} : clock.timer(DEADLINE_MS, () => this.#expire(exchange, controller));
    try {
      await this.#answer(exchange);
    } catch (error) {
      if (!response.destroyed) await fail(error);
    } finally {
      cancel();
      this.#active.delete(controller);
    }
    this.#note(exchange, clock.monotonic() - started, streams);
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { authenticator, open, endpoints, cors } = this.#deps;
    if (this.#stopped) throw new ApiError("ServiceUnavailable", "the server is shutting down");
    if (cors && (await cors.serve(exchange))) return;
    refuseBrokenPath(exchange.path);
    for (const endpoint of open) if (await endpoint.serve(exchange)) return;
    exchange.sender = authenticator.authenticate(exchange.request);
    exchange.requester = impersonated(exchange.sender, exchange.request.headersDistinct);
    for (const endpoint of endpoints) if (await endpoint.serve(exchange)) return;
    throw new ApiError("NotFound", "the server could not find the requested resource");
  }

  #expire(exchange: Exchange, controller: AbortController): void {
    const error = new ApiError("Timeout", `the request did not complete within ${DEADLINE_MS / 1000}s`, {
      retryAfterSeconds: 1,
    });
    sendError(exchange, error)
      .catch((failure: unknown) =>
        this.#deps.log.warn("cannot tell a client of its deadline", { error: describeError(failure) }),
      )
      .finally(() => controller.abort(error));
  }

  #note(exchange: Exchange, milliseconds: number, streamed: boolean): void {
    const { clock, random, audit } = this.#deps;
    const { method, path, response, sender, requester, remoteAddress } = exchange;
    const code = response.statusCode;
    const { verb, group, resource, subresource } = exchange.about ?? { ...NO_OBJECTS, verb: method };
    this.#requests.add({ verb, group, resource, subresource, code: String(code) });
    if (!streamed) this.#duration.observe(milliseconds / 1000, { verb, group, resource });
    const refused = code === 401 || code === 403 || code === 429;
    if (!audit || (!refused && !isChange(method))) return;
    const skipped = sender ? 0 : this.#strangers.take();
    if (skipped === undefined) return;
    audit.write({
      time: timestamp(clock.now()),
      id: random.uuid(),
      user: sender?.name ?? "",
      ...(requester && requester !== sender ? { as: requester.name } : {}),
      source: remoteAddress,
      method,
      path: path.slice(0, LONGEST_AUDITED_PATH),
      code,
      milliseconds: Math.round(milliseconds),
      ...(skipped > 0 ? { skipped } : {}),
    });
  }
}

/** Whatever decodes a part of the path later can rely on it. */
function refuseBrokenPath(path: string): void {
  try {
    decodeURIComponent(path);
  } catch (cause) {
    const message = `Cannot read the path ${JSON.stringify(path)}: its percent-encoding is broken`;
    throw new ApiError("BadRequest", message, {}, { cause });
  }
}

function isChange(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}

function isStream({ path, query }: Exchange): boolean {
  const watch = query.get("watch");
  return (watch !== null && watch !== "false" && watch !== "0") || STREAMS.test(path);
}

async function sendError(exchange: Exchange, error: ApiError): Promise<void> {
  const { response, request } = exchange;
  if (response.headersSent) {
    // Too late for a Status: a cut connection is all that tells the client that its answer is not whole.
    response.destroy();
    return;
  }
  const { retryAfterSeconds } = error.details;
  if (retryAfterSeconds !== undefined) response.setHeader("Retry-After", String(retryAfterSeconds));
  if (error.reason === "Unauthorized") response.setHeader("WWW-Authenticate", 'Bearer realm="podman-swarm"');
  // An unread body would be taken for the next request.
  if (!request.complete) response.setHeader("Connection", "close");
  await exchange.sendJson(error.code, error.toStatus());
}
