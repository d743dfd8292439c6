import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../lib/clock.ts";
import { Patience, type Pace } from "./patience.ts";

export interface RequestBodyDeps {
  readonly clock: Clock;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface Discard {
  readonly onSlow: () => void;
  /** Called once all of it has come; not when the client goes away before. */
  readonly onEnd?: () => void;
  readonly pace?: Pace;
}

/**
 * The body of a request, which must come at a pace so that nobody holds a connection by a byte now and then. Only the
 * time counts in which we wait for the client: not while the endpoint takes nothing, and not while an answer streams,
 * because the two may be one conversation.
 */
export class RequestBody {
  /** Whether the client sends anything behind the request's head. */
  readonly present: boolean;
  readonly #deps: RequestBodyDeps;
  readonly #pace: Pace;
  #patience: Patience;
  #onSlow: () => void = () => {};
  #cancel: (() => void) | undefined;
  #arrival: Arrival | undefined;
  #discarding = false;
  #mayConverse = true;

  constructor(deps: RequestBodyDeps, pace: Pace) {
    this.#deps = deps;
    this.#pace = pace;
    this.#patience = new Patience(pace);
    const { headers } = deps.request;
    this.present = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  }

  /** Whether the client has yet to send some of it. */
  get incomplete(): boolean {
    return this.present && !this.#deps.request.complete;
  }

  /**
   * Its bytes, read no faster than they are taken. Throws when the client goes away, or when the body is discarded;
   * `onSlow` is called at most once, when it does not come at the pace.
   */
  async *chunks(onSlow: () => void): AsyncGenerator<Buffer> {
    const { clock, request } = this.#deps;
    const patience = this.#patience;
    const arrival = new Arrival(request);
    this.#arrival = arrival;
    this.#watch(onSlow);
    try {
      for (;;) {
        if (this.#discarding) throw new Error("the rest of the body is not wanted any more");
        const chunk = request.read() as Buffer | null;
        if (chunk !== null) {
          patience.take(clock.monotonic(), chunk.length);
          yield chunk;
        } else if (request.readableEnded) return;
        else if (request.destroyed) throw new Error("the client is gone");
        else {
          patience.wait(clock.monotonic());
          await arrival.next();
        }
      }
    } finally {
      patience.take(clock.monotonic());
      arrival.stop();
    }
  }

  /**
   * Reads what is left and drops it, so that a client which still sends gets to its answer; what `chunks` gave ends.
   * With a pace of its own, an answer that is still open excuses nobody.
   */
  discard({ onSlow, onEnd, pace }: Discard): void {
    const { clock, request } = this.#deps;
    if (!this.present || request.readableEnded || request.destroyed) return onEnd?.();
    if (onEnd !== undefined) request.once("end", onEnd);
    this.#discarding = true;
    // A stream with a listener for "readable" does not flow.
    this.#arrival?.stop();
    this.#mayConverse = pace === undefined;
    this.#patience = new Patience(pace ?? this.#pace);
    this.#patience.wait(clock.monotonic());
    request.on("data", (chunk: Buffer) => {
      this.#patience.take(clock.monotonic(), chunk.length);
      this.#patience.wait(clock.monotonic());
    });
    request.resume();
    this.#watch(onSlow);
  }

  #watch(onSlow: () => void): void {
    const { request } = this.#deps;
    if (this.#cancel === undefined) {
      const stop = (): void => this.#cancel?.();
      request.once("end", stop).once("close", stop);
    }
    this.#onSlow = onSlow;
    this.#look();
  }

  #look(): void {
    const { clock, response } = this.#deps;
    this.#cancel?.();
    const now = clock.monotonic();
    const answering = response.headersSent && !response.writableFinished;
    if (this.#mayConverse && answering) this.#patience.refill(now);
    const left = this.#patience.left(now);
    if (left > 0) this.#cancel = clock.timer(Math.ceil(left), () => this.#look());
    else this.#onSlow();
  }
}

/** Wakes the reader of a stream whenever there may be something to read. */
class Arrival {
  readonly #request: IncomingMessage;
  #wake = Promise.withResolvers<void>();
  readonly #onEvent = (): void => this.#wake.resolve();

  constructor(request: IncomingMessage) {
    this.#request = request;
    for (const name of EVENTS) request.on(name, this.#onEvent);
  }

  async next(): Promise<void> {
    await this.#wake.promise;
    this.#wake = Promise.withResolvers<void>();
  }

  stop(): void {
    for (const name of EVENTS) this.#request.off(name, this.#onEvent);
    this.#wake.resolve();
  }
}

const EVENTS = ["readable", "end", "close"] as const;
