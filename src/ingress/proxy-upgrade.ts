import { request as httpRequest, STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import type { Balancer } from "./balancer.ts";
import { requestHeaders, responseHeaders } from "./forward-headers.ts";
import type { Incoming } from "./incoming.ts";
import { errorPage, pageTitle, type PageStatus } from "./error-page.ts";
import type { ProxyTarget } from "./proxy-request.ts";
import type { IngressEndpoint } from "./snapshot.ts";
import { classifyFailure, FAILURE_STATUS } from "./upstream-error.ts";

export interface UpgradeOptions {
  readonly connectTimeoutMs: number;
  /** For the upstream's answer to the upgrade. */
  readonly answerTimeoutMs: number;
  /** For a connection over which nothing passes any more. */
  readonly idleTimeoutMs: number;
}

export interface UpgradeInput {
  readonly incoming: Incoming;
  /** The client's connection. */
  readonly socket: Duplex;
  /** What came behind the request's head. */
  readonly head: Buffer;
  readonly target: ProxyTarget;
}

/** Only WebSocket: other upgrades (h2c above all) would let a client speak past the rules. */
export function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Carries a WebSocket handshake to an endpoint, then bytes both ways. Resolves when the connection is over. The caller
 * listens for errors on the client's socket.
 */
export async function proxyUpgrade(
  deps: { readonly balancer: Balancer; readonly clock: Clock },
  { input, options }: { input: UpgradeInput; options: UpgradeOptions },
): Promise<void> {
  const { incoming, socket, target } = input;
  const tried = new Set<IngressEndpoint>();
  for (;;) {
    const endpoint = deps.balancer.pick(target.backend, target.endpoints, tried);
    if (endpoint === undefined) return endWithPage(incoming, { socket, status: 503 });
    tried.add(endpoint);
    const failed = await attempt(deps.clock, { input, options, endpoint });
    if (failed === undefined) return;
    const failure = classifyFailure(failed);
    if (failure !== "unreachable" || tried.size >= target.endpoints.length) {
      return endWithPage(incoming, { socket, status: FAILURE_STATUS[failure] });
    }
  }
}

/** Our own page on a connection that no longer has a ServerResponse. */
export function endWithPage(incoming: Incoming, { socket, status }: { socket: Duplex; status: PageStatus }): void {
  const { type, body } = errorPage(status, incoming.request.headers.accept, incoming.forward.requestId);
  const lines = [
    `HTTP/1.1 ${status} ${pageTitle(status)}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** One endpoint: undefined once it has answered and all is over, its error if it did not answer. */
function attempt(
  clock: Clock,
  { input, options, endpoint }: { input: UpgradeInput; options: UpgradeOptions; endpoint: IngressEndpoint },
): Promise<Error | undefined> {
  const { incoming, socket, head } = input;
  return new Promise((resolve) => {
    const outgoing = httpRequest({
      host: endpoint.address,
      port: endpoint.port,
      method: "GET",
      path: incoming.target,
      setHost: false,
      agent: false,
      headers: [...requestHeaders(incoming.request, incoming.forward), "connection", "Upgrade", "upgrade", "websocket"],
    });
    const timeout = (code: string): void => {
      outgoing.destroy(Object.assign(new Error("the endpoint does not answer"), { code }));
    };
    let cancel = clock.timer(options.connectTimeoutMs, () => timeout("UND_ERR_CONNECT_TIMEOUT"));
    outgoing.once("socket", (upstream) =>
      upstream.once("connect", () => {
        cancel();
        cancel = clock.timer(options.answerTimeoutMs, () => timeout("UND_ERR_HEADERS_TIMEOUT"));
      }),
    );
    const onClientGone = (): void => {
      outgoing.destroy();
      resolve(undefined);
    };
    socket.once("close", onClientGone);
    const answered = (): void => {
      cancel();
      socket.off("close", onClientGone);
    };
    outgoing.once("error", (error) => {
      answered();
      resolve(error);
    });
    outgoing.once("upgrade", (answer, upstream, rest) => {
      answered();
      socket.write(statusHead(answer, ["Connection", "Upgrade", "Upgrade", "websocket"]));
      void joinStreams({ client: socket, upstream, idleTimeoutMs: options.idleTimeoutMs }, { head, rest }).then(
        resolve,
      );
    });
    outgoing.once("response", (answer) => {
      answered();
      // The endpoint declines: its answer is passed on, ended by the connection's end.
      socket.write(statusHead(answer, ["Connection", "close"]));
      answer.pipe(socket);
      answer.once("error", () => socket.destroy());
      socket.once("close", () => {
        outgoing.destroy();
        resolve(undefined);
      });
    });
    outgoing.end();
  });
}

function statusHead(answer: IncomingMessage, connection: readonly string[]): string {
  const status = answer.statusCode ?? 502;
  const headers = [...responseHeaders(answer.rawHeaders), ...connection];
  const lines = [`HTTP/1.1 ${status} ${answer.statusMessage || (STATUS_CODES[status] ?? "")}`];
  for (let index = 0; index + 1 < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Passes bytes both ways, half-closed sides included, until both ends are done or one breaks. */
function joinStreams(
  { client, upstream, idleTimeoutMs }: { client: Duplex; upstream: Socket | Duplex; idleTimeoutMs: number },
  { head, rest }: { head: Buffer; rest: Buffer },
): Promise<undefined> {
  return new Promise((resolve) => {
    const streams = [client, upstream];
    let open = streams.length;
    const end = (): void => streams.forEach((stream) => void stream.destroy());
    for (const stream of streams) {
      stream.on("error", end);
      stream.once("close", () => {
        end();
        open -= 1;
        if (open === 0) resolve(undefined);
      });
      if ("setTimeout" in stream) stream.setTimeout(idleTimeoutMs, end);
      if ("setNoDelay" in stream) stream.setNoDelay(true);
    }
    if (rest.length > 0) client.write(rest);
    if (head.length > 0) upstream.write(head);
    client.pipe(upstream);
    upstream.pipe(client);
  });
}
