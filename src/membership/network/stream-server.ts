import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Endpoint } from "../protocol/member.ts";
import type { GossipRefusal } from "../refusal.ts";
import { FrameScanner } from "../wire/frame-scanner.ts";
import { type RefusalReason, WireError } from "../wire/wire-error.ts";

/** The first byte of a TLS record that carries a handshake. Source: RFC 8446, 5.1, `handshake(22)`. */
const TLS_HANDSHAKE = 0x16;
/** memberlist v0.7.0, net.go, `maxPushPullRequests`. */
const MAX_STREAMS = 128;
/** Everything that streams have sent and that is not yet a frame, together. */
const MAX_BUFFERED = 64 * 1024 * 1024;
/** From the connection to its end. Source: memberlist v0.7.0, config.go, `TCPTimeout`. */
const TIMEOUT_MS = 10_000;

export interface StreamServerOptions {
  /** Answers one frame; undefined closes the stream without an answer. */
  readonly respond: (frame: Buffer, from: Endpoint) => Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Takes over a connection that begins with TLS, with all its bytes. Without it such connections are closed. */
  readonly onTls?: (socket: Socket) => void;
  /** Every stream that is refused here, before it is a frame. */
  readonly onRefused?: (refusal: GossipRefusal) => void;
}

/**
 * The TCP side of the cluster port: frames of gossip, one each way, and TLS, which belongs to somebody else. Whatever
 * comes in, a stream costs bounded memory and time.
 */
export class StreamServer {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #options: StreamServerOptions;
  readonly #streams = new Set<Socket>();
  #server: Server | undefined;
  #buffered = 0;
  #refused = 0;

  constructor({ log, clock = systemClock }: { log: Logger; clock?: Clock }, options: StreamServerOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#options = options;
  }

  /** Streams that were closed because of what they sent, or because there were too many. */
  get refused(): number {
    return this.#refused;
  }

  async listen(host: string, port: number): Promise<Endpoint> {
    const server = createServer((socket) => this.accept(socket));
    server.listen({ host, port });
    await once(server, "listening");
    server.on("error", (error) => this.#log.error("cluster port: accepting failed", { error }));
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("Cannot listen: it is not a TCP port");
    return { host: address.address, port: address.port };
  }

  /** For connections that somebody else accepted. */
  accept(socket: Socket): void {
    socket.on("error", (error) => this.#log.debug("cluster port: stream failed", { error }));
    if (this.#streams.size >= MAX_STREAMS) return this.#refuse(socket, overload(`there are ${MAX_STREAMS} streams`));
    const from: Endpoint = { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    const scanner = new FrameScanner();
    const cancel = this.#clock.timer(TIMEOUT_MS, () =>
      this.#refuse(socket, overload(`not done within ${TIMEOUT_MS} ms`)),
    );
    this.#streams.add(socket);
    const forget = (): void => {
      cancel();
      this.#buffered -= scanner.buffered;
      this.#streams.delete(socket);
    };
    socket.once("close", forget);
    const read = (chunk: Buffer): void => {
      if (scanner.buffered === 0 && chunk[0] === TLS_HANDSHAKE) {
        socket.off("data", read).off("close", forget).pause();
        forget();
        this.#handOver(socket, chunk);
        return;
      }
      try {
        const frame = this.#scan(scanner, chunk);
        if (!frame) return;
        socket.off("data", read);
        this.#answer(socket, frame, from).catch((error: unknown) => {
          // The worker has ended, which its owner sees for itself.
          this.#log.debug("cluster port: stream without an answer", { error });
          socket.destroy();
        });
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.#refuse(socket, error);
      }
    };
    socket.on("data", read);
  }

  /** Ends gossip's streams; those that were handed over are not its own any more. */
  async close(): Promise<void> {
    for (const socket of this.#streams) socket.destroy();
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    server.close();
    await once(server, "close");
  }

  /** Counts what the scanner keeps, also when it refuses. */
  #scan(scanner: FrameScanner, chunk: Buffer): Buffer | undefined {
    if (this.#buffered + chunk.length > MAX_BUFFERED) throw overload(`streams hold ${MAX_BUFFERED} bytes already`);
    const before = scanner.buffered;
    try {
      return scanner.push(chunk);
    } finally {
      this.#buffered += scanner.buffered - before;
    }
  }

  #handOver(socket: Socket, head: Buffer): void {
    if (!this.#options.onTls) return this.#refuse(socket, refused("TLS is not served here", "Malformed"));
    socket.unshift(head);
    this.#options.onTls(socket);
  }

  async #answer(socket: Socket, frame: Buffer, from: Endpoint): Promise<void> {
    const reply = await this.#options.respond(frame, from);
    if (reply) socket.end(reply);
    else socket.destroy();
  }

  #refuse(socket: Socket, { reason, message }: WireError): void {
    this.#refused += 1;
    // A socket that is closed already does not know any more where it came from.
    const host = socket.remoteAddress ?? "";
    this.#options.onRefused?.({ reason, transport: "stream", host, why: message });
    socket.destroy();
  }
}

function refused(why: string, reason: RefusalReason): WireError {
  return new WireError(`Cannot serve a stream: ${why}`, { reason });
}

function overload(why: string): WireError {
  return refused(why, "Overload");
}
