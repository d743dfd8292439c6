import { type KeyObject, X509Certificate } from "node:crypto";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../lib/clock.ts";
import type { CaChange } from "../security/certificates/cluster-authority.ts";

/** Answers under way go out still; a watch has no longer either. */
const FINISH_MS = 15_000;
/** The same for a change that was wholly asked for: the command that replaces the CA is one, and may wait for nodes. */
const CHANGE_MS = 600_000;

interface Open {
  /** Those whose answers are under way. */
  readonly requests: Set<IncomingMessage>;
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
      this.#open.set(socket, { requests: new Set(), ending: false });
      socket.once("close", () => this.#open.delete(socket));
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const socket = request.socket as Socket as TLSSocket;
      const entry = this.#open.get(socket);
      if (!entry || entry.ending) {
        socket.destroy();
        return;
      }
      entry.requests.add(request);
      response.once("close", () => {
        entry.requests.delete(request);
        if (entry.ending && entry.requests.size === 0) socket.destroySoon();
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
      if (entry.requests.size === 0) {
        socket.destroy();
        continue;
      }
      const isChange = [...entry.requests].some(({ complete, method }) => complete && method !== "GET");
      const cancel = this.#clock.timer(isChange ? CHANGE_MS : FINISH_MS, () => socket.destroy());
      socket.once("close", cancel);
    }
  }
}

function isOf(certificate: X509Certificate | undefined, keys: readonly KeyObject[]): boolean {
  return certificate !== undefined && keys.some((key) => certificate.verify(key));
}
