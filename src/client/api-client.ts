import { Agent as HttpAgent, type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { getCACertificates } from "node:tls";
import { ApiError, REASON_CODES, type StatusReason } from "../api/api-error.ts";
import type { Status } from "../api/kinds.ts";
import type { Connection } from "./connection.ts";

export interface ApiRequest {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** `application/json` by default; a string body is sent as it is. */
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ApiClientOptions {
  /** Called for each `Warning` header that the server sends. */
  readonly onWarning?: (text: string) => void;
  /** Milliseconds until a connection must stand; 5,000 by default. */
  readonly connectTimeoutMs?: number;
}

/**
 * Speaks to one API server. Errors: `ApiError` for whatever the server refuses, `ConnectionError` when it cannot be
 * reached or trusted.
 */
export class ApiClient {
  readonly #connection: Connection;
  readonly #onWarning: (text: string) => void;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #connectTimeoutMs: number;

  constructor(connection: Connection, { onWarning = () => {}, connectTimeoutMs = 5000 }: ApiClientOptions = {}) {
    this.#connection = connection;
    this.#onWarning = onWarning;
    this.#connectTimeoutMs = connectTimeoutMs;
    const { cert, key, serverName } = connection;
    this.#agent = connection.server.startsWith("https:")
      ? new HttpsAgent({
          keepAlive: true,
          ca: connection.ca ?? systemCas(),
          ...(serverName ? { servername: serverName } : {}),
          ...(cert && key ? { cert, key } : {}),
        })
      : new HttpAgent({ keepAlive: true });
  }

  get server(): string {
    return this.#connection.server;
  }

  /** Sends and gives the open answer, whatever its status below 400; throws an ApiError for the others. */
  async open(method: string, path: string, request: ApiRequest = {}): Promise<IncomingMessage> {
    const response = await this.#send(method, path, request);
    for (const header of [response.headers["warning"] ?? []].flat()) {
      for (const match of header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
        this.#onWarning((match[1] ?? "").replaceAll(/\\(.)/g, "$1"));
      }
    }
    if ((response.statusCode ?? 500) < 400) return response;
    throw errorFrom(response.statusCode ?? 500, await textOf(response), `${method} ${path}`);
  }

  /** Sends and gives the whole answer's text. */
  async text(method: string, path: string, request: ApiRequest = {}): Promise<string> {
    return await textOf(await this.open(method, path, request));
  }

  /** Sends and gives the answer's JSON. `T` is what the caller knows of it. */
  async json<T>(method: string, path: string, request: ApiRequest = {}): Promise<T> {
    const text = await this.text(method, path, request);
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new ConnectionError(`Cannot read the answer of ${this.server}${path}: it is not JSON`, { cause: error });
    }
  }

  /** A watch: one parsed line at a time, until the server ends it or the signal aborts. */
  async *lines<T>(path: string, request: ApiRequest = {}): AsyncGenerator<T> {
    const response = await this.open("GET", path, request);
    let rest = "";
    response.setEncoding("utf8");
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        const parts = (rest + chunk).split("\n");
        rest = parts.pop() ?? "";
        for (const part of parts) if (part !== "") yield JSON.parse(part) as T;
      }
    } finally {
      response.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, request: ApiRequest): Promise<IncomingMessage> {
    const url = new URL(path, this.#connection.server);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const body =
      request.body === undefined || typeof request.body === "string" ? request.body : JSON.stringify(request.body);
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      headers: {
        accept: request.accept ?? "application/json",
        ...(this.#connection.token ? { authorization: `Bearer ${this.#connection.token}` } : {}),
        ...(body === undefined
          ? {}
          : {
              "content-type": request.contentType ?? "application/json",
              "content-length": Buffer.byteLength(body as string),
            }),
      },
      ...(request.signal ? { signal: request.signal } : {}),
    };
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const outgoing = send(url, options, resolve);
      outgoing.on("socket", (socket) => {
        if (!socket.connecting) return;
        socket.setTimeout(this.#connectTimeoutMs, () => outgoing.destroy(new Error("no connection in time")));
        socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => socket.setTimeout(0));
      });
      outgoing.on("error", (error) => {
        if (request.signal?.aborted) reject(request.signal.reason as Error);
        else reject(new ConnectionError(`Cannot reach ${url.origin}: ${explain(error)}`, { cause: error }));
      });
      outgoing.end(body);
    });
  }
}

/** As other programs on the host have it: Node alone would believe its own list only. */
function systemCas(): string[] {
  return [...getCACertificates("default"), ...getCACertificates("system")];
}

/** The server cannot be reached, or not be trusted. */
export class ConnectionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConnectionError";
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

const FOREIGN_CERTIFICATE = "its certificate is not from the cluster's CA that this client knows";

const EXPLANATIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there; is the agent running?",
  ENOTFOUND: "the host name does not resolve",
  DEPTH_ZERO_SELF_SIGNED_CERT: FOREIGN_CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: FOREIGN_CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: FOREIGN_CERTIFICATE,
};

function explain(error: NodeJS.ErrnoException): string {
  return EXPLANATIONS[error.code ?? ""] ?? error.message;
}

function errorFrom(code: number, text: string, what: string): ApiError {
  let status: Partial<Status> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) status = parsed as Partial<Status>;
  } catch {
    // Not a Status: the text itself is the message.
  }
  const known = Object.entries(REASON_CODES).find(([, value]) => value === code)?.[0] as StatusReason | undefined;
  const reason = status.reason !== undefined && status.reason in REASON_CODES ? (status.reason as StatusReason) : known;
  const message = status.message ?? (text.trim() === "" ? `${what}: HTTP ${code}` : text.trim().slice(0, 500));
  return new ApiError(reason ?? "InternalError", message, (status.details ?? {}) as ApiError["details"]);
}
