import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Clock } from "../lib/clock.ts";
import { errorPage, pageTitle, type PageStatus } from "./error-page.ts";
import type { RequestBody } from "./request-body.ts";

/** For how long a client may go on sending behind our answer: to close at once would throw the answer away, too. */
const LINGER = { pace: { graceMs: 5000, bytesPerSecond: 240 }, totalMs: 30_000 } as const;

export interface Exchange {
  readonly clock: Clock;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: RequestBody;
}

/** Answers with one of our own pages. */
export function answerPage(exchange: Exchange, { status, id }: { status: PageStatus; id: string }): void {
  const { type, body } = errorPage(status, exchange.request.headers.accept, id);
  const headers = { "content-type": type, "cache-control": "no-store", "x-request-id": id };
  answer(exchange, { status, title: pageTitle(status), headers, text: body });
}

/** Sends a browser to the same place over HTTPS. */
export function answerRedirect(exchange: Exchange, location: string): void {
  answer(exchange, { status: 308, title: "Permanent Redirect", headers: { location }, text: "" });
}

interface Answer {
  readonly status: number;
  readonly title: string;
  readonly headers: OutgoingHttpHeaders;
  readonly text: string;
}

function answer(exchange: Exchange, given: Answer): void {
  if (!exchange.body.incomplete) return answerWhole(exchange, given);
  // A small body came together with the head: after this turn it is whole, and its connection can be kept.
  setImmediate(() => {
    if (exchange.body.incomplete) answerAndLinger(exchange, given);
    else answerWhole(exchange, given);
  });
}

function answerWhole({ response }: Exchange, { status, title, headers, text }: Answer): void {
  response.writeHead(status, title, { ...headers, "content-length": Buffer.byteLength(text) }).end(text);
}

/** Nobody needs what is left of the body: the connection ends with it, or after a moment without it. */
function answerAndLinger({ clock, response, body }: Exchange, { status, title, headers, text }: Answer): void {
  response.shouldKeepAlive = false;
  response.writeHead(status, title, { ...headers, "content-length": Buffer.byteLength(text) });
  // All of the answer goes out now; only its end, with which the connection is closed, waits.
  response.write(text);
  response.flushHeaders();
  const end = (): void => void response.end();
  const cancel = clock.timer(LINGER.totalMs, end);
  response.once("close", cancel);
  body.discard({ onSlow: end, onEnd: end, pace: LINGER.pace });
}
