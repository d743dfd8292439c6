import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, type Socket as TcpSocket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { secretBytes } from "../lib/random.ts";
import type { Query } from "./query.ts";
import { serializeQuery, type Reply } from "./reply.ts";
import { upstreamText, type UpstreamAddress } from "./upstream-address.ts";
import { readUpstreamMessage } from "./upstream-message.ts";

/** Opens sockets towards upstreams; a port, because the pods' network namespace may not reach them by itself. */
export interface UpstreamDialer {
  /** A socket that is neither bound nor connected yet. */
  udp(address: UpstreamAddress): UdpSocket;
  tcp(address: UpstreamAddress): TcpSocket;
}

export const systemDialer: UpstreamDialer = {
  udp: ({ family }) =>
    createSocket({ type: family === 4 ? "udp4" : "udp6", lookup: (host, _, done) => done(null, host, family) }),
  tcp: ({ host, port }) => connect({ host, port }),
};

export interface ExchangeOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Counts messages that arrived but did not answer the query. */
  readonly onForeign: () => void;
}

/** Answers longer than a datagram, hostile ones too, end at the length field's 64 KB. */
const LENGTH_BYTES = 2;

/** Asks one upstream once: UDP, then TCP if that was cut. Rejects when it does not answer in time or not properly. */
export class UpstreamExchange {
  readonly #clock: Clock;
  readonly #dialer: UpstreamDialer;

  constructor({ clock, dialer }: { clock: Clock; dialer: UpstreamDialer }) {
    this.#clock = clock;
    this.#dialer = dialer;
  }

  async ask(query: Query, upstream: UpstreamAddress, options: ExchangeOptions): Promise<Reply> {
    const started = this.#clock.monotonic();
    // Id and source port are what an off-path spoofer must guess (RFC 5452): both are new for each query.
    const sent = serializeQuery(query, secretBytes(2).readUInt16BE(0));
    const first = await this.#askUdp(sent, upstream, options);
    if (!first.truncated) return first.reply;
    const timeoutMs = Math.max(1, options.timeoutMs - (this.#clock.monotonic() - started));
    return this.#askTcp(sent, upstream, { ...options, timeoutMs });
  }

  #askUdp(
    sent: Buffer,
    upstream: UpstreamAddress,
    options: ExchangeOptions,
  ): Promise<{ reply: Reply; truncated: boolean }> {
    const socket = this.#dialer.udp(upstream);
    return this.#attempt(upstream, options, {
      close: () => socket.close(),
      start: (resolve, reject) => {
        socket.on("error", reject);
        socket.on("message", (message) => {
          const read = readUpstreamMessage(message, sent);
          if (read === "foreign") options.onForeign();
          else if (read === "malformed") reject(new Error("the answer cannot be read"));
          else resolve(read);
        });
        // Connected, the kernel takes datagrams from this very address only, and reports a closed port at once.
        socket.connect(upstream.port, upstream.host, () => {
          try {
            socket.send(sent, (error) => {
              if (error) reject(error);
            });
          } catch (error) {
            // Closed by the time limit or the signal between the connect and its callback.
            reject(error as Error);
          }
        });
      },
    });
  }

  #askTcp(sent: Buffer, upstream: UpstreamAddress, options: ExchangeOptions): Promise<Reply> {
    const socket = this.#dialer.tcp(upstream);
    return this.#attempt(upstream, options, {
      close: () => socket.destroy(),
      start: (resolve, reject) => {
        const chunks: Buffer[] = [];
        let length = 0;
        socket.on("error", reject);
        socket.on("close", () => reject(new Error("the connection was closed before the answer")));
        socket.on("data", (chunk) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length < LENGTH_BYTES) return;
          const all = chunks.length === 1 ? chunk : Buffer.concat(chunks);
          const end = LENGTH_BYTES + all.readUInt16BE(0);
          if (length < end) return;
          const read = readUpstreamMessage(all.subarray(LENGTH_BYTES, end), sent);
          if (typeof read === "string") reject(new Error("the answer over TCP cannot be read"));
          else resolve(read.reply);
        });
        const prefix = Buffer.alloc(LENGTH_BYTES);
        prefix.writeUInt16BE(sent.length, 0);
        socket.write(Buffer.concat([prefix, sent]));
      },
    });
  }

  /** Runs one attempt to its first outcome: an answer, an error, the time limit or the signal; then closes its socket. */
  #attempt<T>(
    upstream: UpstreamAddress,
    { timeoutMs, signal }: ExchangeOptions,
    {
      start,
      close,
    }: { start: (resolve: (value: T) => void, reject: (error: Error) => void) => void; close: () => void },
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let settled = false;
      const settle = (act: () => void): void => {
        if (settled) return;
        settled = true;
        cancel();
        signal.removeEventListener("abort", onAbort);
        close();
        act();
      };
      const fail = (error: Error): void =>
        settle(() => reject(new Error(`Cannot ask ${upstreamText(upstream)}: ${error.message}`, { cause: error })));
      const onAbort = (): void => fail(new Error("the server stops"));
      const cancel = this.#clock.timer(timeoutMs, () => fail(new Error(`no answer within ${Math.ceil(timeoutMs)} ms`)));
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort);
      start((value) => settle(() => resolve(value)), fail);
    });
  }
}
