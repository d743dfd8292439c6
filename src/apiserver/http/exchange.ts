import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Requester } from "../admission/admission.ts";
import { isLoopback } from "./loopback.ts";

/** Upstream's threshold: smaller answers are not worth the time (apiserver `defaultGzipThresholdBytes`). */
const GZIP_FROM_BYTES = 128 * 1024;
/** Upstream's bounds (apiserver `truncateAtTotalRunes`, `truncateItemRunes`): clients refuse an answer with a huge head. */
const ALL_WARNINGS = 4096;
const LONGEST_WARNING = 256;
/** What stands around one in the head. */
const HEADER_CHARACTERS = 20;

const compress = promisify(gzip);

/** With the values of kube-apiserver's metric labels of these names. */
export interface RequestAbout {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
}

export type Body = Buffer | string | readonly Buffer[];

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Percent-decoding is up to the reader: segments may hold encoded slashes. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Aborted when the client goes away, the deadline passes, or the server stops. */
  readonly signal: AbortSignal;
  /** What the request is about, for metrics; set once it is known to name objects. */
  about: RequestAbout | undefined;
  /** Who sent the request; set once it is authenticated. */
  sender: Requester | undefined;
  /** As whom it is answered: the sender, or whom the sender impersonates. */
  requester: Requester | undefined;
  readonly #warnings = new Set<string>();

  constructor(request: IncomingMessage, response: ServerResponse, signal: AbortSignal) {
    this.request = request;
    this.response = response;
    this.signal = signal;
    this.method = request.method ?? "GET";
    const target = request.url ?? "/";
    const mark = target.indexOf("?");
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  get remoteAddress(): string {
    return this.request.socket.remoteAddress ?? "";
  }

  /** A sentence for the client to show; repeated ones are sent once. */
  readonly warn = (sentence: string): void => {
    this.#warnings.add(sentence.slice(0, ALL_WARNINGS));
  };

  /** Puts the warnings into the answer's head (RFC 7234 5.5, code 299). */
  writeWarnings(): void {
    if (this.#warnings.size === 0) return;
    const values = bounded([...this.#warnings]).map((text) => `299 - "${quoted(text)}"`);
    this.response.setHeader("Warning", values);
  }

  /** The whole answer, in one piece or several. Large ones are compressed for clients that take it and are not here. */
  async send(status: number, body: Body, type = "application/json"): Promise<void> {
    const { response } = this;
    if (response.headersSent || response.destroyed) return;
    this.writeWarnings();
    let pieces: readonly Buffer[] =
      typeof body === "string" ? [Buffer.from(body)] : Buffer.isBuffer(body) ? [body] : body;
    response.setHeader("Content-Type", type);
    if (sizeOf(pieces) >= GZIP_FROM_BYTES && this.#takesGzip()) {
      pieces = [await compress(Buffer.concat(pieces), { level: 1 })];
      response.setHeader("Content-Encoding", "gzip");
      response.setHeader("Vary", "Accept-Encoding");
    }
    response.writeHead(status, { "Content-Length": sizeOf(pieces) });
    // Together with the head in one system call.
    response.cork();
    if (this.method !== "HEAD") for (const piece of pieces) response.write(piece);
    response.end();
    response.uncork();
  }

  async sendJson(status: number, value: unknown): Promise<void> {
    await this.send(status, JSON.stringify(value, undefined, this.pretty ? 2 : 0));
  }

  /** As upstream: on request, and for people who use curl, wget or a browser. */
  get pretty(): boolean {
    const asked = this.query.get("pretty");
    if (asked !== null) return asked !== "false" && asked !== "0";
    return /^(curl|Wget|Mozilla\/5\.0)/.test(this.header("user-agent") ?? "");
  }

  #takesGzip(): boolean {
    return /\bgzip\b/.test(this.header("accept-encoding") ?? "") && !isLoopback(this.remoteAddress);
  }
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** A quoted-string of a header: no control characters, nothing outside of ASCII. */
function quoted(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"');
}

/** All of them, or where that is too much the first ones, shortened, and how many there are besides. */
function bounded(warnings: readonly string[]): string[] {
  const total = warnings.reduce((sum, text) => sum + HEADER_CHARACTERS + text.length, 0);
  if (total <= ALL_WARNINGS) return [...warnings];
  const kept = warnings.slice(0, ALL_WARNINGS / LONGEST_WARNING).map((text) => text.slice(0, LONGEST_WARNING));
  const more = warnings.length - kept.length;
  return more > 0 ? [...kept, `and ${more} more warnings`] : kept;
}
