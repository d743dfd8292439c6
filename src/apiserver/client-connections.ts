import { type KeyObject, X509Certificate } from "node:crypto";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../lib/clock.ts";
import type { CaChange } from "../security/certificates/cluster-authority.ts";

/** Answers under way go out still, that to whoever has replaced the CA among them; a watch has no longer either. */
const FINISH_MS = 15_000;

interface Open {
  /** Answers under way. */
  busy: number;
  /** Gets these still, and nothing else. */
  ending: boolean;
}

/** The TLS connections of a server, so that those end whose certificate is believed no longer. */
export class ClientConnections {
  readonly #clock: Clock;
  readonly #open = new Map<TLSSocket, Open>();
  /** Of all CAs that were believed once. */
  #distrusted: readonly KeyObject[] = [];

  /** `serve`: what the server's requests go to. */
  constructor(server: Server, { clock, serve }: { readonly clock: Clock; readonly serve: RequestListener }) {
    this.#clock = clock;
    server.on("secureConnection", (socket: TLSSocket) => {
      // Whoever was slow with the handshake is checked by what was believed when the connection was made.
      if (socket.authorized && isOf(socket.getPeerX509Certificate(), this.#distrusted)) {
        socket.destroy();
        return;
      }
      this.#open.set(socket, { busy: 0, ending: false });
      socket.once("close", () => this.#open.delete(socket));
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const socket = request.socket as Socket as TLSSocket;
      const entry = this.#open.get(socket);
      if (!entry || entry.ending) {
        socket.destroy();
        return;
      }
      entry.busy += 1;
      response.once("close", () => {
        entry.busy -= 1;
        if (entry.ending && entry.busy === 0) socket.destroySoon();
      });
      serve(request, response);
    });
  }

  /** Where a CA is distrusted at once, tokens are worth nothing either: connections without a certificate end, too. */
  drop({ distrusted, atOnce }: CaChange): void {
    const keys = distrusted.map((ca) => new X509Certificate(ca).publicKey);
    this.#distrusted = [...this.#distrusted, ...keys];
    for (const [socket, entry] of this.#open) {
      const certificate = socket.getPeerX509Certificate();
      if (certificate ? !isOf(certificate, keys) : !atOnce) continue;
      entry.ending = true;
      if (entry.busy === 0) socket.destroy();
      else this.#clock.timer(FINISH_MS, () => socket.destroy());
    }
  }
}

function isOf(certificate: X509Certificate | undefined, keys: readonly KeyObject[]): boolean {
  return certificate !== undefined && keys.some((key) => certificate.verify(key));
}
