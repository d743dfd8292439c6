import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { untilAborted } from "../lib/until-aborted.ts";
import type { KeyPair } from "../security/certificates/ca-material.ts";
import type { ClusterAuthority } from "../security/certificates/cluster-authority.ts";
import type { ProvidedIdentity } from "../security/certificates/provided-identity.ts";
import type { ServerIdentity } from "../security/certificates/server-identity.ts";
import { ClientConnections } from "./client-connections.ts";
import type { RequestRouter } from "./request-router.ts";
import { ShownCertificate } from "./shown-certificate.ts";

/** Where to listen: an address, or a socket that is bound already (a raw handle, as the supervisor sends it). */
export type ListenOn = { readonly host: string; readonly port: number } | { readonly handle: object };

export interface ApiServerDeps {
  readonly router: RequestRouter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly identity: ServerIdentity;
  /** The user's own certificate, shown to who asks for what is in it. */
  readonly provided?: ProvidedIdentity | undefined;
  /** Whose client certificates are believed. */
  readonly authority: Pick<ClusterAuthority, "trusted" | "onChange">;
}

export interface ApiServerOptions {
  readonly https: readonly ListenOn[];
  /** Plain HTTP: loopback only, which the caller sees to. */
  readonly http?: readonly ListenOn[];
}

/** Go clients keep idle connections for 90 seconds: the server must not be the one that closes first. */
const KEEP_ALIVE_MS = 120_000;
const HANDSHAKE_MS = 10_000;
const HEADERS_MS = 20_000;
const RECEIVE_MS = 60_000;
/** Strangers may hold connections for as long as the times above; this keeps file descriptors for everything else. */
const MOST_CONNECTIONS = 4096;
/** How long answers under way may take once the server stops. */
const DRAIN_MS = 5_000;

/** The listening side of the API: TLS, connections, and an orderly end. */
export class ApiServer {
  readonly #deps: ApiServerDeps;
  readonly #options: ApiServerOptions;
  readonly #servers: (http.Server | https.Server)[] = [];
  readonly #listening = Promise.withResolvers<void>();

  constructor(deps: ApiServerDeps, options: ApiServerOptions) {
    this.#deps = deps;
    this.#options = options;
    // `run` reports a failure itself; nobody has to wait for this.
    this.#listening.promise.catch(() => {});
  }

  /** Resolves once all sockets accept, with their addresses: those of `https` first, then those of `http`. */
  async listening(): Promise<readonly AddressInfo[]> {
    await this.#listening.promise;
    return this.#servers.map((server) => server.address() as AddressInfo);
  }

  /** Serves until the signal is aborted. Rejects where a socket cannot be listened on. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (const on of this.#options.https) await this.#listen(this.#secure(signal), on);
      for (const on of this.#options.http ?? []) await this.#listen(http.createServer(this.#deps.router.handle), on);
      this.#listening.resolve();
      await untilAborted(signal);
    } catch (error) {
      this.#listening.reject(error);
      throw error;
    } finally {
      await this.#close();
    }
  }

  #secure(signal: AbortSignal): https.Server {
    const { identity, provided, router, authority, clock, log } = this.#deps;
    const options = ({ certificate, key }: KeyPair): https.ServerOptions => ({
      cert: certificate,
      key,
      ca: [...authority.trusted],
      requestCert: true,
      // A client without a certificate may have a token; one with a wrong certificate is refused with a Status.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      minVersion: "TLSv1.2",
      ALPNProtocols: ["http/1.1"],
    });
    const shown = new ShownCertificate({ identity, provided, options });
    const byName: https.ServerOptions = { SNICallback: (name, done) => done(null, shown.contextFor(name)) };
    const server = https.createServer({ ...options(shown.plain), ...(provided ? byName : {}) });
    server.on("tlsClientError", (error) => log.debug("a TLS handshake failed", { error: error.message }));
    const connections = new ClientConnections(server, { clock, serve: router.handle });
    // Both are for new connections. What is open goes on, unless its certificate is believed no longer.
    const renew = (): void => {
      shown.forget();
      server.setSecureContext(options(shown.plain));
    };
    identity.onChange(renew, signal);
    provided?.onChange(renew, signal);
    authority.onChange((change) => {
      renew();
      connections.drop(change);
    }, signal);
    return server;
  }

  async #listen(server: http.Server | https.Server, on: ListenOn): Promise<void> {
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.headersTimeout = HEADERS_MS;
    server.requestTimeout = RECEIVE_MS;
    server.maxRequestsPerSocket = 0;
    server.maxConnections = MOST_CONNECTIONS;
    // Small answers and watch events must not wait for one another.
    server.on("connection", (socket: { setNoDelay(on: boolean): void }) => socket.setNoDelay(true));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen("handle" in on ? on.handle : { host: on.host, port: on.port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (error) => this.#deps.log.error("the API's socket failed", { error: error.message }));
  }

  async #close(): Promise<void> {
    this.#deps.router.stop();
    const cancel = this.#deps.clock.timer(DRAIN_MS, () => {
      for (const server of this.#servers) server.closeAllConnections();
    });
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
    cancel();
  }
}
