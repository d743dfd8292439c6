import { IngressServer, type IngressServerDeps } from "../../ingress/ingress-server.ts";
import type { IngressSnapshot } from "../../ingress/snapshot.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";

/** How long clients wait in the kernel's queue for an agent that is not there, in milliseconds, before they are told. */
const PATIENCE_MS = 5_000;

/**
 * Runs the ingress on the sockets that were handed over. It accepts nothing before it knows its routes: after a restart,
 * a client waits for a moment instead of being told that there is no such page.
 */
export class IngressHost {
  readonly #server: IngressServer;
  readonly #deps: IngressServerDeps;
  #start: () => void = () => {};
  readonly #started = new Promise<void>((resolve) => (this.#start = resolve));

  private constructor(deps: IngressServerDeps, server: IngressServer) {
    this.#deps = deps;
    this.#server = server;
  }

  /** Undefined where no ingress socket was handed over: the ingress is turned off. */
  static create(deps: IngressServerDeps, sockets: ReceivedSockets): IngressHost | undefined {
    const http = sockets.has("ingress") ? sockets.take("ingress") : undefined;
    const https = sockets.has("ingress-tls") ? sockets.take("ingress-tls") : undefined;
    if (http === undefined && https === undefined) return undefined;
    const server = new IngressServer(deps, {
      ...(http === undefined ? {} : { http: http.handle, publicHttpPort: http.port }),
      ...(https === undefined ? {} : { https: https.handle, publicHttpsPort: https.port }),
      drainMs: 2_000,
    });
    return new IngressHost(deps, server);
  }

  apply(snapshot: IngressSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#server.apply(snapshot);
    this.#start();
  }

  async run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const cancel = this.#deps.clock.timer(PATIENCE_MS, this.#start);
    signal.addEventListener("abort", this.#start, { once: true });
    await this.#started;
    cancel();
    await this.#server.run(signal);
  }
}
