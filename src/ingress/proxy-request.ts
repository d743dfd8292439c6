import type { ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { describeError, type Logger } from "../lib/log.ts";
import type { Balancer } from "./balancer.ts";
import { requestHeaders, responseHeaders } from "./forward-headers.ts";
import type { Incoming } from "./incoming.ts";
import type { PageStatus } from "./error-page.ts";
import type { RequestBody } from "./request-body.ts";
import type { IngressEndpoint } from "./snapshot.ts";
import { classifyFailure, FAILURE_STATUS } from "./upstream-error.ts";
import { endpointOrigin, type UpstreamPools } from "./upstream-pools.ts";

export interface ProxyDeps {
  readonly pools: UpstreamPools;
  readonly balancer: Balancer;
  readonly log: Logger;
  readonly onRetry: () => void;
  /** Answers the client with our own page; called at most once, before anything else was answered. */
  readonly answerPage: (status: PageStatus) => void;
}

export interface ProxyTarget {
  readonly backend: string;
  readonly endpoints: readonly IngressEndpoint[];
}

const MAX_ATTEMPTS = 3;
/** Methods that may be sent twice without harm (RFC 9110 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Carries one request to an endpoint and its answer back, both as they flow. */
export class ProxyRequest implements Dispatcher.DispatchHandler {
  readonly #deps: ProxyDeps;
  readonly #incoming: Incoming;
  readonly #response: ServerResponse;
  readonly #target: ProxyTarget;
  readonly #headers: string[];
  readonly #body: RequestBody;
  readonly #tried = new Set<IngressEndpoint>();
  #endpoint: IngressEndpoint | undefined;
  #attempts = 0;
  #bodyStarted = false;
  #done = false;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(deps: ProxyDeps, { incoming, response, body, target }: ProxyInput) {
    this.#deps = deps;
    this.#incoming = incoming;
    this.#response = response;
    this.#target = target;
    this.#headers = requestHeaders(incoming.request, incoming.forward);
    this.#body = body;
  }

  start(): void {
    this.#response.once("close", () => this.#onClientGone());
    this.#next(this.#pick());
  }

  #pick(): IngressEndpoint | undefined {
    return this.#deps.balancer.pick(this.#target.backend, this.#target.endpoints, this.#tried);
  }

  #next(endpoint: IngressEndpoint | undefined): void {
    if (endpoint === undefined) return this.#finishWith(503);
    this.#endpoint = endpoint;
    this.#tried.add(endpoint);
    this.#attempts += 1;
    try {
      this.#deps.pools.dispatch(
        endpoint,
        {
          path: this.#incoming.target,
          method: this.#incoming.request.method ?? "GET",
          headers: this.#headers,
          body: this.#body.present ? (this.#chunks() as unknown as Dispatcher.DispatchOptions["body"] & object) : null,
        },
        this,
      );
    } catch (error) {
      // A path or header that Node's parser lets through and undici does not.
      this.#deps.log.debug("Cannot forward a request", { error: describeError(error) });
      this.#finishWith(400);
    }
  }

  /** Pulled by the upstream's connection: nothing is read from the client before one is made, nor faster than it takes. */
  async *#chunks(): AsyncGenerator<Buffer> {
    this.#bodyStarted = true;
    yield* this.#body.chunks(() => this.#onSlowBody());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#done) controller.abort(new Error("the client is gone"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusMessage?: string,
  ): void {
    // Interim answers (100, 103) are not passed on; the final one follows.
    if (status < 200 || this.#done) return;
    const raw = (controller.rawHeaders ?? []) as (Buffer | string)[];
    this.#response.writeHead(status, statusMessage ?? "", responseHeaders(raw));
    // So that a stream's start is not held back until its first chunk; one that is here already goes out with the head.
    process.nextTick(() => {
      if (!this.#done) this.#response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#done || this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#done) return;
    this.#done = true;
    if (Object.keys(trailers).length > 0 && this.#response.chunkedEncoding) {
      this.#response.addTrailers(trailers as Record<string, string>);
    }
    this.#response.end();
    // So that a client that still sends gets to the answer, but not for ever.
    this.#body.discard({ onSlow: () => this.#incoming.request.destroy() });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#done) return;
    const failure = classifyFailure(error);
    const origin = this.#endpoint === undefined ? "" : endpointOrigin(this.#endpoint);
    this.#deps.log.debug("An endpoint failed", { endpoint: origin, failure, error: describeError(error) });
    if (this.#response.headersSent) {
      // The client must see that the answer is cut: an orderly end would make it look whole.
      this.#done = true;
      this.#response.destroy();
      return;
    }
    const again = this.#attempts < MAX_ATTEMPTS ? this.#retryEndpoint(failure) : undefined;
    if (again === undefined) return this.#finishWith(FAILURE_STATUS[failure]);
    this.#deps.onRetry();
    this.#next(again);
  }

  #retryEndpoint(failure: ReturnType<typeof classifyFailure>): IngressEndpoint | undefined {
    if (this.#bodyStarted) return undefined;
    if (failure === "unreachable") return this.#pick();
    const method = this.#incoming.request.method ?? "GET";
    if (failure !== "broken" || this.#body.present || !IDEMPOTENT.has(method)) return undefined;
    // Mostly a kept-alive connection that its endpoint was just closing: the same one may well do.
    return this.#pick() ?? this.#endpoint;
  }

  #onClientGone(): void {
    if (this.#done || this.#response.writableFinished) return;
    this.#done = true;
    this.#controller?.abort(new Error("the client is gone"));
  }

  #finishWith(status: PageStatus): void {
    if (this.#done) return;
    this.#done = true;
    // What is left of a body that was begun cannot be told from a next request by anyone but us: no reuse.
    if (this.#bodyStarted) this.#response.shouldKeepAlive = false;
    this.#deps.answerPage(status);
  }

  #onSlowBody(): void {
    this.#finishWith(408);
    this.#controller?.abort(new Error("the client's body comes too slowly"));
  }
}

export interface ProxyInput {
  readonly incoming: Incoming;
  readonly response: ServerResponse;
  readonly body: RequestBody;
  readonly target: ProxyTarget;
}
