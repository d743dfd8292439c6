import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { RuntimeError } from "../runtime-port.ts";

/** libpod's versioned path: 4.0.0 is answered by every Podman from 4.0 on. */
const BASE = "/v4.0.0/libpod";

export class PodmanError extends RuntimeError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(status === 404 ? "missing" : "refused", message);
    this.name = "PodmanError";
    this.status = status;
  }
}

export interface PodmanRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds without a byte from Podman. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface PodmanHttpOptions {
  readonly timeoutMs?: number;
  readonly maxSockets?: number;
}

/** libpod's REST API on a unix socket. Every failure is a `RuntimeError`. */
export class PodmanHttp {
  readonly socketPath: string;
  readonly #agent: Agent;
  readonly #timeoutMs: number;

  constructor(socketPath: string, { timeoutMs = 120_000, maxSockets = 64 }: PodmanHttpOptions = {}) {
    this.socketPath = socketPath;
    this.#timeoutMs = timeoutMs;
    this.#agent = new Agent({ keepAlive: true, maxSockets, maxFreeSockets: 8 });
  }

  /** The decoded answer, or undefined where Podman answers without a body. */
  async json<T>(request: PodmanRequest): Promise<T> {
    const response = await this.open(request);
    const text = await readAll(response, request);
    if (text.length === 0) return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new RuntimeError("refused", `Cannot read Podman's answer to ${name(request)}: it is not JSON`, { cause });
    }
  }

  /** The lines of a streamed answer, as they come. */
  async *lines(request: PodmanRequest): AsyncGenerator<string> {
    const response = await this.open(request);
    let rest = "";
    try {
      response.setEncoding("utf8");
      for await (const chunk of response as AsyncIterable<string>) {
        const parts = (rest + chunk).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) if (line !== "") yield line;
      }
    } catch (cause) {
      request.signal?.throwIfAborted();
      throw new RuntimeError("unavailable", `Cannot read ${name(request)} from Podman: the connection ended`, {
        cause,
      });
    } finally {
      response.destroy();
    }
    if (rest !== "") yield rest;
  }

  /** The raw answer once its status is known to be good. The caller reads or destroys it. */
  async open(request: PodmanRequest): Promise<IncomingMessage> {
    const response = await this.#send(request);
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    const text = await readAll(response, request);
    throw new PodmanError(status, messageOf(text) ?? `Podman answered ${status} to ${name(request)}`);
  }

  /** The connection after Podman has switched protocols. */
  async upgrade(request: PodmanRequest): Promise<{ socket: Duplex; head: Buffer }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ socket: Duplex; head: Buffer }>();
    const { options, body } = this.#prepare(request);
    const outgoing = httpRequest({
      ...options,
      agent: false,
      headers: { ...options.headers, connection: "Upgrade", upgrade: "tcp" },
    });
    outgoing.on("upgrade", (_response, socket: Socket, head) => {
      socket.setTimeout(0);
      resolve({ socket, head });
    });
    outgoing.on("response", (response) => {
      readAll(response, request).then(
        (text) => reject(new PodmanError(response.statusCode ?? 0, messageOf(text) ?? "Podman refused the stream")),
        reject,
      );
    });
    outgoing.on("error", (cause) => reject(failure(request, cause)));
    outgoing.end(body);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }

  #prepare({ method = "GET", path, query = {}, body, headers = {}, signal }: PodmanRequest) {
    const parameters = new URLSearchParams(
      Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]),
    ).toString();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      socketPath: this.socketPath,
      agent: this.#agent,
      method,
      path: `${BASE}${path}${parameters === "" ? "" : `?${parameters}`}`,
      headers: {
        host: "podman",
        ...(text === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        ...headers,
      },
      ...(signal ? { signal } : {}),
    };
    return { options, body: text };
  }

  async #send(request: PodmanRequest): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { options, body } = this.#prepare(request);
    const timeoutMs = request.timeoutMs ?? this.#timeoutMs;
    const outgoing = httpRequest(options, resolve);
    outgoing.setTimeout(timeoutMs, () => {
      outgoing.destroy(
        new RuntimeError("timeout", `Podman has not answered ${name(request)} for ${timeoutMs / 1000} s`),
      );
    });
    outgoing.on("error", (cause) => reject(failure(request, cause)));
    outgoing.end(body);
    return promise;
  }
}

function name({ method = "GET", path }: PodmanRequest): string {
  return `${method} ${path}`;
}

function failure(request: PodmanRequest, cause: Error): Error {
  if (request.signal?.aborted) {
    const { reason } = request.signal;
    return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
  }
  if (cause instanceof RuntimeError) return cause;
  return new RuntimeError("unavailable", `Cannot reach Podman for ${name(request)}: ${cause.message}`, { cause });
}

async function readAll(response: IncomingMessage, request: PodmanRequest): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  try {
    for await (const chunk of response as AsyncIterable<string>) text += chunk;
  } catch (cause) {
    throw failure(request, cause instanceof Error ? cause : new Error(String(cause)));
  }
  return text;
}

/** libpod's error body is `{cause, message, response}`, whose message contains the cause; a pod's is `{Errs, Id}`. */
function messageOf(text: string): string | undefined {
  try {
    const body = JSON.parse(text) as { message?: unknown; Errs?: readonly unknown[] | null };
    if (typeof body.message === "string") return body.message;
    return Array.isArray(body.Errs) && body.Errs.length > 0 ? body.Errs.join("; ") : undefined;
  } catch {
    // Not JSON: the bare text is all that Podman says.
    return text.trim() === "" ? undefined : text.trim();
  }
}
