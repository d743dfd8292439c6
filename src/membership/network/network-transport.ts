import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Endpoint } from "../protocol/member.ts";
import type { ExchangeOptions, Transport, TransportHandler } from "../transport.ts";
import { exchangeFrame } from "./stream-exchange.ts";
import { StreamServer, type StreamServerOptions } from "./stream-server.ts";

/** What waits in the kernel while this thread is busy. Source: memberlist v0.7.0, net_transport.go, `udpRecvBufSize`. */
const RECEIVE_BUFFER = 2 * 1024 * 1024;
/** Port 0 takes any port that is free for TCP; when UDP's is taken, another one is tried. */
const TRIES = 10;

export interface NetworkTransportOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** "elsewhere": another part accepts the streams of this port. */
  readonly streams?: "here" | "elsewhere";
  readonly onTls?: NonNullable<StreamServerOptions["onTls"]>;
}

interface Deps {
  readonly log: Logger;
  readonly clock?: Clock;
}

/** UDP for packets and TCP for frames, on one port. */
export class NetworkTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #udp: Socket;
  readonly #server: StreamServer | undefined;
  #handler: TransportHandler | undefined;

  private constructor(
    { log, clock = systemClock }: Deps,
    { endpoint, udp, server }: { endpoint: Endpoint; udp: Socket; server: StreamServer | undefined },
  ) {
    this.endpoint = endpoint;
    this.#log = log;
    this.#clock = clock;
    this.#udp = udp;
    this.#server = server;
  }

  /** Binds both ports. What comes before `run` waits, or is lost. */
  static async open(deps: Deps, options: NetworkTransportOptions): Promise<NetworkTransport> {
    for (let attempt = 1; ; attempt += 1) {
      let opened: NetworkTransport | undefined;
      const respond: StreamServerOptions["respond"] = (frame, from) => opened?.answer(frame, from);
      const { onTls } = options;
      const server =
        options.streams === "elsewhere" ? undefined : new StreamServer(deps, { respond, ...(onTls ? { onTls } : {}) });
      const port = server ? (await server.listen(options.host, options.port)).port : options.port;
      try {
        const udp = await bindUdp(options.host, port);
        opened = new NetworkTransport(deps, {
          endpoint: { host: options.host, port: udp.address().port },
          udp,
          server,
        });
        return opened;
      } catch (error) {
        await server?.close();
        const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
        if (!taken || options.port !== 0 || attempt === TRIES) throw error;
      }
    }
  }

  async run(handler: TransportHandler, signal: AbortSignal): Promise<void> {
    this.#handler = handler;
    const udp = this.#udp;
    udp.on("message", (packet, { address, port }) => handler.packet(packet, { host: address, port }));
    // Without a listener a failed send would end the process; each of them is one lost packet.
    udp.on("error", (error) => this.#log.debug("cluster port: packet failed", { error }));
    if (!signal.aborted) await once(signal, "abort");
    this.#handler = undefined;
    const closed = once(udp, "close");
    udp.close();
    await Promise.all([closed, this.#server?.close()]);
  }

  /** The answer to a frame that came by a stream, here or elsewhere. */
  answer(frame: Buffer, from: Endpoint): Uint8Array | undefined {
    return this.#handler?.frame(frame, from);
  }

  send(packet: Uint8Array, to: Endpoint): void {
    if (!this.#handler) return;
    this.#udp.send(packet, to.port, to.host, (error) => {
      if (error) this.#log.debug("cluster port: packet lost", { to: to.host, error });
    });
  }

  exchange(frame: Uint8Array, to: Endpoint, options: ExchangeOptions): Promise<Buffer> {
    return exchangeFrame(frame, to, { ...options, wantsReply: true, clock: this.#clock });
  }

  async deliver(frame: Uint8Array, to: Endpoint, options: ExchangeOptions): Promise<void> {
    await exchangeFrame(frame, to, { ...options, wantsReply: false, clock: this.#clock });
  }
}

async function bindUdp(host: string, port: number): Promise<Socket> {
  const udp = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", recvBufferSize: RECEIVE_BUFFER });
  try {
    udp.bind({ port, address: host });
    await once(udp, "listening");
    return udp;
  } catch (error) {
    udp.close();
    throw error;
  }
}
