import { X509Certificate } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../lib/clock.ts";
import type { CaChange } from "../security/cluster-authority.ts";

/** Answers under way go out still, that to whoever has replaced the CA among them; a watch has no longer either. */
const FINISH_MS = 15_000;

/** The TLS connections of a server, so that those end whose certificate is believed no longer. */
export class ClientConnections {
  readonly #clock: Clock;
  readonly #open = new Map<TLSSocket, { busy: number }>();

  constructor(server: Server, { clock }: { readonly clock: Clock }) {
    this.#clock = clock;
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#open.set(socket, { busy: 0 });
      socket.once("close", () => this.#open.delete(socket));
    });
    server.on("request", ({ socket }: IncomingMessage, response) => {
      const entry = this.#open.get(socket as Socket as TLSSocket);
      if (!entry) return;
      entry.busy += 1;
      response.once("close", () => (entry.busy -= 1));
    });
  }

  /** Where a CA is distrusted at once, tokens are worth nothing either: connections without a certificate end, too. */
  drop({ distrusted, atOnce }: CaChange): void {
    const keys = distrusted.map((ca) => new X509Certificate(ca).publicKey);
    for (const [socket, { busy }] of this.#open) {
      const certificate = socket.getPeerX509Certificate();
      if (certificate ? !keys.some((key) => certificate.verify(key)) : !atOnce) continue;
      if (busy === 0) socket.destroy();
      else this.#clock.timer(FINISH_MS, () => socket.destroy());
    }
  }
}
