import { once } from "node:events";
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { BlockList, isIPv6, Server as NetServer, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { RoundRobin, type Balancer } from "./balancer.ts";
import { CertificateStore } from "./certificate-store.ts";
import type { PageStatus } from "./error-page.ts";
import { readIncoming, type Incoming, type ListenerContext } from "./incoming.ts";
import { loadPool } from "./load-pool.ts";
import { answerPage, answerRedirect } from "./own-answer.ts";
import type { Pace } from "./patience.ts";
import { ProxyRequest } from "./proxy-request.ts";
import { RequestBody } from "./request-body.ts";
import { endWithPage, isWebSocket, proxyUpgrade } from "./proxy-upgrade.ts";
import { matchablePath, RouteTable } from "./route-table.ts";
import type { IngressBackend, IngressSnapshot, KeyPairPem } from "./snapshot.ts";
import { UpstreamPools } from "./upstream-pools.ts";

/** An address to bind, or a server or descriptor that was bound elsewhere and handed over. */
export type ListenOn = { readonly host: string; readonly port: number } | { readonly fd: number } | NetServer;

export interface IngressServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly balancer?: Balancer;
}

export interface IngressServerOptions {
  http?: ListenOn;
  https?: ListenOn;
  /** The ports that clients use, which differ from the bound ones where something redirects. */
  publicHttpPort?: number;
  publicHttpsPort?: number;
  /** CIDRs of proxies before us whose X-Forwarded headers hold; everybody else's are replaced. */
  trustedProxies?: readonly string[];
  connectTimeoutMs?: number;
  /** Without a byte in either direction, before or within an answer. */
  idleTimeoutMs?: number;
  /** The same for WebSocket connections. */
  upgradedIdleTimeoutMs?: number;
  /** For a request's head to arrive. */
  headersTimeoutMs?: number;
  /** At which a request's body must come while we wait for it. */
  bodyPace?: Pace;
  /** For a TLS handshake. */
  handshakeTimeoutMs?: number;
  /** How often that is looked at. */
  checkIntervalMs?: number;
  maxHeaderBytes?: number;
  maxConnections?: number;
  /** When stopped: how long requests under way may take to end. */
  drainMs?: number;
  /** Called for each request that is answered; off by default. */
  accessLog?: (entry: AccessEntry) => void;
  /** Called once all listeners are open, with their ports. */
  onListening?: (ports: { readonly http?: number; readonly https?: number }) => void;
}

export interface AccessEntry {
  readonly requestId: string;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly status: number;
  readonly durationMs: number;
}

export interface IngressStats {
  readonly requests: number;
  readonly active: number;
  /** By status: only requests that were answered. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly upgrades: number;
  readonly activeUpgrades: number;
  readonly retries: number;
  readonly malformed: number;
  readonly pools: number;
  readonly drainingPools: number;
}

interface State {
  readonly routes: RouteTable;
  readonly backends: ReadonlyMap<string, IngressBackend>;
  readonly defaultCertificate: KeyPairPem | undefined;
}

/** A minute of silence, as with most proxies, and the least rate for which other servers ask, too. */
const BODY_PACE: Pace = { graceMs: 60_000, bytesPerSecond: 240 };

/** The HTTP and HTTPS ingress. Answers 503 until the first snapshot is applied. */
export class IngressServer {
  readonly #deps: IngressServerDeps;
  readonly #options: IngressServerOptions;
  readonly #timeouts: { connect: number; idle: number };
  readonly #balancer: Balancer;
  readonly #certificates: CertificateStore;
  readonly #counts = { requests: 0, active: 0, upgrades: 0, retries: 0, malformed: 0 };
  readonly #statuses = new Map<number, number>();
  readonly #upgraded = new Set<Duplex>();
  #state: State | undefined;
  #tls: TlsServer | undefined;
  #pools: UpstreamPools | undefined;
  #draining = false;

  constructor(deps: IngressServerDeps, options: IngressServerOptions = {}) {
    this.#deps = deps;
    this.#options = options;
    this.#timeouts = { connect: options.connectTimeoutMs ?? 5000, idle: options.idleTimeoutMs ?? 60_000 };
    this.#balancer = deps.balancer ?? new RoundRobin();
    this.#certificates = new CertificateStore(deps);
  }

  /** Routes new requests by this snapshot from now on; those under way end as they began. */
  apply(snapshot: IngressSnapshot): void {
    const backends = new Map(Object.entries(snapshot.backends));
    const before = this.#state?.defaultCertificate;
    const { defaultCertificate } = snapshot;
    this.#state = { routes: new RouteTable(snapshot), backends, defaultCertificate };
    this.#certificates.apply(snapshot.certificates);
    if (before?.certificate !== defaultCertificate?.certificate) this.#useDefaultCertificate(defaultCertificate);
    this.#balancer.retain(new Set(backends.keys()));
    this.#pools?.retain([...backends.values()].flatMap(({ endpoints }) => endpoints));
  }

  stats(): IngressStats {
    return {
      ...this.#counts,
      statuses: Object.fromEntries([...this.#statuses].map(([status, count]) => [String(status), count])),
      activeUpgrades: this.#upgraded.size,
      pools: this.#pools?.size ?? 0,
      drainingPools: this.#pools?.draining ?? 0,
    };
  }

  /** Serves until the signal is aborted, then lets requests under way end. Rejects when a listener fails. */
  async run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const early = this.#collectEarly();
    const Pool = await loadPool();
    const pools = new UpstreamPools(
      { create: (origin, options) => new Pool(origin, options), log: this.#deps.log },
      { connectTimeoutMs: this.#timeouts.connect, idleTimeoutMs: this.#timeouts.idle },
    );
    this.#pools = pools;
    const listeners = this.#listeners();
    const broken = Promise.withResolvers<never>();
    const stopped = Promise.withResolvers<void>();
    const onAbort = (): void => stopped.resolve();
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    try {
      for (const { server } of listeners) server.on("error", broken.reject);
      for (const { server, on } of listeners) {
        server.listen(on);
        if (!server.listening) await Promise.race([once(server, "listening"), broken.promise]);
        for (const socket of early.get(on) ?? []) server.emit("connection", socket);
      }
      const ports = listeners.map(({ name, server }) => [name, (server.address() as AddressInfo).port]);
      this.#options.onListening?.(Object.fromEntries(ports) as { http?: number; https?: number });
      await Promise.race([stopped.promise, broken.promise]);
      await this.#drain(listeners.map(({ server }) => server));
    } catch (error) {
      throw new Error(`Cannot serve the ingress: ${describeError(error)}`, { cause: error });
    } finally {
      signal.removeEventListener("abort", onAbort);
      for (const { server } of listeners) {
        server.close();
        server.closeAllConnections();
      }
      for (const socket of this.#upgraded) socket.destroy();
      await pools.destroy();
    }
  }

  /** A handed server accepts already: who connects before ours has taken it over must not be lost. */
  #collectEarly(): ReadonlyMap<ListenOn, readonly Socket[]> {
    const early = new Map<ListenOn, Socket[]>();
    for (const on of [this.#options.http, this.#options.https]) {
      if (!(on instanceof NetServer)) continue;
      const sockets: Socket[] = [];
      early.set(on, sockets);
      on.on("connection", (socket: Socket) => sockets.push(socket));
    }
    return early;
  }

  #listeners(): { name: "http" | "https"; server: HttpServer; on: ListenOn }[] {
    const { http, https, publicHttpPort = 80, publicHttpsPort = 443 } = this.#options;
    const settings = {
      maxHeaderSize: this.#options.maxHeaderBytes ?? 32_768,
      headersTimeout: this.#options.headersTimeoutMs ?? 30_000,
      // Large uploads take their time; one that stands still, or nearly, ends by the pace that bodies must keep.
      requestTimeout: 0,
      connectionsCheckingInterval: this.#options.checkIntervalMs ?? 5000,
      keepAliveTimeout: this.#timeouts.idle,
      insecureHTTPParser: false,
      shouldUpgradeCallback: isWebSocket,
    };
    const found: { name: "http" | "https"; server: HttpServer; on: ListenOn }[] = [];
    if (http !== undefined) {
      found.push({ name: "http", on: http, server: this.#prepare(createServer(settings), false, publicHttpPort) });
    }
    if (https !== undefined) {
      const server = createTlsServer({
        ...settings,
        minVersion: "TLSv1.2",
        handshakeTimeout: this.#options.handshakeTimeoutMs ?? 10_000,
        ALPNProtocols: ["http/1.1"],
        SNICallback: (name, done) => done(null, this.#certificates.find(name)),
      });
      this.#tls = server;
      this.#useDefaultCertificate(this.#state?.defaultCertificate);
      found.push({ name: "https", on: https, server: this.#prepare(server, true, publicHttpsPort) });
    }
    return found;
  }

  #useDefaultCertificate(pair: KeyPairPem | undefined): void {
    try {
      this.#tls?.setSecureContext(pair === undefined ? {} : { cert: pair.certificate, key: pair.key });
    } catch (error) {
      this.#deps.log.warn("Cannot use the default certificate", { error: describeError(error) });
    }
  }

  #prepare(server: HttpServer, secure: boolean, publicPort: number): HttpServer {
    const listener: ListenerContext = {
      secure,
      publicPort,
      isTrusted: trustTest(this.#options.trustedProxies ?? []),
      newId: () => this.#deps.random.uuid().replaceAll("-", ""),
    };
    server.maxConnections = this.#options.maxConnections ?? 10_000;
    // Their size is limited already; more than a number of them would be dropped in silence.
    server.maxHeadersCount = 0;
    // Longer than an upstream may be silent, so that its 504 comes before.
    server.timeout = this.#timeouts.idle + 15_000;
    server.on("request", (request, response) => this.#onRequest(listener, request, response));
    server.on("upgrade", (request, socket, head) => this.#onUpgrade(listener, { request, socket, head }));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#onClientError(error, socket));
    return server;
  }

  #onRequest(listener: ListenerContext, request: IncomingMessage, response: ServerResponse): void {
    this.#counts.requests += 1;
    this.#counts.active += 1;
    const incoming = readIncoming(request, listener);
    this.#observe(request, { response, incoming });
    const { clock, log } = this.#deps;
    const body = new RequestBody({ clock, request, response }, this.#options.bodyPace ?? BODY_PACE);
    const exchange = { clock, request, response, body };
    if ("refuse" in incoming) {
      response.shouldKeepAlive = false;
      return answerPage(exchange, { status: incoming.refuse, id: listener.newId() });
    }
    const { target } = incoming;
    const page = (status: PageStatus): void => answerPage(exchange, { status, id: incoming.forward.requestId });
    const state = this.#state;
    // Nothing is known yet: a proxy or browser must not remember it as absent.
    if (state === undefined) return page(503);
    const route = state.routes.match(incoming.host, matchablePath(target));
    if (route === undefined) return page(404);
    if (route.redirect && !listener.secure && this.#options.https !== undefined) {
      const port = this.#options.publicHttpsPort ?? 443;
      const host = incoming.forward.authority.replace(/:\d+$/, "");
      return answerRedirect(exchange, `https://${host}${port === 443 ? "" : `:${port}`}${target}`);
    }
    const endpoints = state.backends.get(route.backend)?.endpoints ?? [];
    const onRetry = (): void => {
      this.#counts.retries += 1;
    };
    new ProxyRequest(
      { pools: this.#pools!, balancer: this.#balancer, log, onRetry, answerPage: page },
      { incoming, response, body, target: { backend: route.backend, endpoints } },
    ).start();
  }

  #observe(
    request: IncomingMessage,
    { response, incoming }: { response: ServerResponse; incoming: Incoming | { refuse: number } },
  ): void {
    const { accessLog } = this.#options;
    const started = accessLog === undefined ? 0 : this.#deps.clock.monotonic();
    const client = accessLog === undefined ? "" : (request.socket.remoteAddress ?? "");
    // Without it a client that breaks off would be an uncaught error.
    request.on("error", () => response.destroy());
    // A write between a destroy and its "close" would be one, too; whatever broke it is handled where it was seen.
    response.on("error", () => response.destroy());
    response.once("close", () => {
      this.#counts.active -= 1;
      // Kept alive, the connection would hold up the end of the server.
      if (this.#draining) request.socket.destroySoon();
      if (response.headersSent) {
        this.#statuses.set(response.statusCode, (this.#statuses.get(response.statusCode) ?? 0) + 1);
      }
      accessLog?.({
        requestId: "forward" in incoming ? incoming.forward.requestId : "",
        client,
        method: request.method ?? "",
        host: "host" in incoming ? incoming.host : "",
        target: request.url ?? "",
        status: response.headersSent ? response.statusCode : 499,
        durationMs: this.#deps.clock.monotonic() - started,
      });
    });
  }

  #onUpgrade(
    listener: ListenerContext,
    { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
  ): void {
    this.#counts.upgrades += 1;
    // The HTTP server no longer listens for errors on it.
    socket.on("error", () => socket.destroy());
    const incoming = readIncoming(request, listener);
    if ("refuse" in incoming) {
      socket.end("HTTP/1.1 400 Bad request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", () => socket.destroy());
      return;
    }
    const state = this.#state;
    if (state === undefined) return endWithPage(incoming, { socket, status: 503 });
    const route = state.routes.match(incoming.host, matchablePath(incoming.target));
    if (route === undefined) return endWithPage(incoming, { socket, status: 404 });
    const endpoints = state.backends.get(route.backend)?.endpoints ?? [];
    this.#upgraded.add(socket);
    proxyUpgrade(
      { balancer: this.#balancer, clock: this.#deps.clock },
      {
        input: { incoming, socket, head, target: { backend: route.backend, endpoints } },
        options: {
          connectTimeoutMs: this.#timeouts.connect,
          answerTimeoutMs: this.#timeouts.idle,
          idleTimeoutMs: this.#options.upgradedIdleTimeoutMs ?? 3_600_000,
        },
      },
    )
      .catch((error: unknown) => {
        this.#deps.log.error("Cannot carry a WebSocket connection", { error: describeError(error) });
        socket.destroy();
      })
      .finally(() => this.#upgraded.delete(socket));
  }

  /**
   * What Node's strict parser refuses: ambiguous framing, wrong syntax, too large or too slow a head. And what does not
   * become TLS, to which nobody could answer.
   */
  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    this.#counts.malformed += 1;
    if (!/^(?:HPE_|ERR_HTTP_)/u.test(error.code ?? "")) {
      socket.destroy();
      return;
    }
    const status =
      error.code === "HPE_HEADER_OVERFLOW"
        ? "431 Request Header Fields Too Large"
        : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
          ? "408 Request Timeout"
          : "400 Bad Request";
    if (!socket.writable) socket.destroy();
    else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
  }

  async #drain(servers: readonly HttpServer[]): Promise<void> {
    this.#draining = true;
    const closed = servers.map((server) => {
      const done = once(server, "close");
      server.close();
      server.closeIdleConnections();
      return done;
    });
    const late = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.timer(this.#options.drainMs ?? 5000, late.resolve);
    await Promise.race([Promise.all(closed), late.promise]);
    cancel();
  }
}

function trustTest(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false;
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", length] = cidr.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    list.addSubnet(address, length === undefined ? (family === "ipv6" ? 128 : 32) : Number(length), family);
  }
  return (address) => list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}
