import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6, type AddressInfo, type Server as TcpServer, type Socket as TcpSocket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { AnswerCache, type AnswerCacheOptions } from "./answer-cache.ts";
import { AnswerTable } from "./answer-table.ts";
import { dnsChain, type Next } from "./chain.ts";
import { ClusterZone } from "./cluster-zone.ts";
import { Forward, type ForwardOptions } from "./forward.ts";
import { HotAnswers } from "./hot-answers.ts";
import { parseQuery, type Query } from "./query.ts";
import { emptyReply, serializeRefusal, serializeReply, udpLimit, type Reply } from "./reply.ts";
import type { DnsSnapshot } from "./snapshot.ts";
import { serveTcpSession, type TcpSessionOptions } from "./tcp-session.ts";
import { parseUpstream } from "./upstream-address.ts";
import { systemDialer, UpstreamExchange, type UpstreamDialer } from "./upstream-exchange.ts";
import { RCODE } from "./wire.ts";

export interface DnsServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dialer?: UpstreamDialer;
}

export interface DnsServerOptions {
  /** Addresses to bind, each over UDP and TCP. */
  listen?: readonly { readonly host: string; readonly port: number }[];
  /** Sockets that were bound elsewhere and handed over. The server owns them from here on. */
  handed?: { readonly udp?: readonly UdpSocket[]; readonly tcp?: readonly TcpServer[] };
  cache?: AnswerCacheOptions;
  forward?: ForwardOptions;
  session?: TcpSessionOptions;
  maxTcpConnections?: number;
  /** Called once all sockets are open, with where they listen. */
  onListening?: (
    addresses: readonly { readonly protocol: "udp" | "tcp"; readonly host: string; readonly port: number }[],
  ) => void;
}

export interface DnsStats {
  readonly queries: { readonly udp: number; readonly tcp: number };
  /** Answers by rcode, hot ones not included. */
  readonly rcodes: Readonly<Record<string, number>>;
  readonly hotHits: number;
  readonly malformed: number;
  readonly sendErrors: number;
  readonly cache: ReturnType<AnswerCache["stats"]>;
  readonly forward: ReturnType<Forward["stats"]>;
}

/** Hot answers that are fetched, not our own, live this long at most: their TTLs count in whole seconds. */
const HOT_MS = 1000;
const MAX_TCP_BYTES = 65_535;

/** The pods' DNS server. Answers SERVFAIL until the first snapshot is applied. */
export class DnsServer {
  readonly #deps: DnsServerDeps;
  readonly #options: DnsServerOptions;
  readonly #zone: ClusterZone;
  readonly #cache: AnswerCache;
  readonly #forward: Forward;
  readonly #hot = new HotAnswers();
  readonly #chain: Next;
  readonly #connections = new Set<TcpSocket>();
  readonly #counts = { udp: 0, tcp: 0, malformed: 0, sendErrors: 0 };
  readonly #rcodes = new Map<number, number>();
  #udp: readonly UdpSocket[] = [];
  #upstreams: readonly string[] = [];
  /** Counts snapshots: an answer that was under way while a new one came must not become hot. */
  #generation = 0;

  constructor(deps: DnsServerDeps, options: DnsServerOptions = {}) {
    this.#deps = deps;
    this.#options = options;
    this.#zone = new ClusterZone(deps);
    this.#cache = new AnswerCache(deps, options.cache);
    const exchange = new UpstreamExchange({ clock: deps.clock, dialer: deps.dialer ?? systemDialer });
    this.#forward = new Forward({ clock: deps.clock, log: deps.log, exchange }, options.forward);
    this.#chain = dnsChain({
      loopGuard: this.#forward.loopGuard,
      clusterZone: this.#zone,
      cache: this.#cache,
      forward: this.#forward,
    });
  }

  /** Answers from this snapshot from now on. Cheap: names are worked out when they are asked for. */
  apply(snapshot: DnsSnapshot): void {
    this.#zone.use(new AnswerTable(snapshot));
    this.#upstreams = snapshot.upstreams;
    this.#useUpstreams();
    this.#hot.clear();
    this.#generation += 1;
  }

  stats(): DnsStats {
    const { udp, tcp, malformed, sendErrors } = this.#counts;
    return {
      queries: { udp, tcp },
      rcodes: Object.fromEntries([...this.#rcodes].map(([rcode, count]) => [String(rcode), count])),
      hotHits: this.#hot.hits,
      malformed,
      sendErrors,
      cache: this.#cache.stats(),
      forward: this.#forward.stats(),
    };
  }

  /** Serves until the signal is aborted. Rejects when a socket cannot be opened or breaks. */
  async run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { listen = [], handed = {} } = this.#options;
    const udp = [...(handed.udp ?? []), ...listen.map(({ host }) => createSocket(isIPv6(host) ? "udp6" : "udp4"))];
    const tcp = [...(handed.tcp ?? []), ...listen.map(() => createServer())];
    const broken = Promise.withResolvers<never>();
    const stopped = Promise.withResolvers<void>();
    const onAbort = (): void => stopped.resolve();
    signal.addEventListener("abort", onAbort);
    try {
      for (const socket of [...udp, ...tcp]) socket.on("error", broken.reject);
      this.#serve(udp, tcp);
      const opened = this.#open({ udp: udp.slice(-listen.length), tcp: tcp.slice(-listen.length), listen });
      await Promise.race([opened, broken.promise]);
      this.#udp = udp;
      this.#useUpstreams();
      this.#options.onListening?.([
        ...udp.map((socket) => ({ protocol: "udp" as const, ...place(socket.address()) })),
        ...tcp.map((server) => ({ protocol: "tcp" as const, ...place(server.address() as AddressInfo) })),
      ]);
      await Promise.race([stopped.promise, broken.promise]);
    } catch (error) {
      throw new Error(`Cannot serve DNS: ${describeError(error)}`, { cause: error });
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#forward.stop();
      for (const socket of udp) closeUdp(socket);
      for (const server of tcp) server.close();
      for (const connection of this.#connections) connection.destroy();
    }
  }

  #serve(udp: readonly UdpSocket[], tcp: readonly TcpServer[]): void {
    for (const socket of udp) socket.on("message", (message, from) => this.#onDatagram(socket, message, from));
    for (const server of tcp) {
      server.maxConnections = this.#options.maxTcpConnections ?? 256;
      server.on("connection", (connection: TcpSocket) => {
        this.#connections.add(connection);
        connection.once("close", () => this.#connections.delete(connection));
        const client = connection.remoteAddress;
        serveTcpSession(connection, (message) => this.#onTcpMessage(message, client), this.#options.session);
      });
    }
  }

  /** UDP takes the port that TCP got, so that port 0 gives one pair. */
  async #open({
    udp,
    tcp,
    listen,
  }: {
    udp: readonly UdpSocket[];
    tcp: readonly TcpServer[];
    listen: readonly Listen[];
  }): Promise<void> {
    for (const [index, { host, port }] of listen.entries()) {
      tcp[index]!.listen({ host, port });
      await once(tcp[index]!, "listening");
      udp[index]!.bind({ address: host, port: (tcp[index]!.address() as AddressInfo).port });
      await once(udp[index]!, "listening");
    }
  }

  #onDatagram(socket: UdpSocket, message: Buffer, from: RemoteInfo): void {
    this.#counts.udp += 1;
    const key = this.#hot.key(message);
    const now = this.#deps.clock.monotonic();
    const hot = this.#hot.get(key, message, now);
    if (hot !== undefined) return this.#send(socket, hot, from);

    const parsed = this.#parse(message, from.address);
    if (parsed === undefined || Buffer.isBuffer(parsed)) {
      if (parsed !== undefined) this.#send(socket, parsed, from);
      return;
    }
    const { query } = parsed;
    const generation = this.#generation;
    const finish = (reply: Reply): void => {
      const answer = this.#serialize(query, reply, udpLimit(query));
      // A query with EDNS options is longer: those (cookies) differ each time and would only fill the table.
      const usual = message.length <= 12 + query.question.length + 11;
      if (usual && reply.lifetime > 0 && generation === this.#generation) {
        const ownZone = reply.authoritative && reply.age === 0;
        this.#hot.put(key, answer, {
          orders: reply.orders,
          expiresAt: this.#deps.clock.monotonic() + (ownZone ? reply.lifetime * 1000 : HOT_MS),
        });
      }
      this.#send(socket, answer, from);
    };
    const reply = this.#ask(query);
    // #ask never rejects.
    if (reply instanceof Promise) void reply.then(finish);
    else finish(reply);
  }

  async #onTcpMessage(message: Buffer, client: string | undefined): Promise<Buffer | undefined> {
    this.#counts.tcp += 1;
    const parsed = this.#parse(message, client);
    if (parsed === undefined || Buffer.isBuffer(parsed)) return parsed;
    return this.#serialize(parsed.query, await this.#ask(parsed.query), MAX_TCP_BYTES);
  }

  /** The query, or the refusal to send, or nothing where no answer may be given. */
  #parse(message: Buffer, client: string | undefined): { query: Query } | Buffer | undefined {
    const parsed = parseQuery(message);
    if (parsed !== undefined && "query" in parsed) return { query: { ...parsed.query, client } };
    this.#counts.malformed += 1;
    return parsed === undefined ? undefined : serializeRefusal(parsed.bad);
  }

  #ask(query: Query): Reply | Promise<Reply> {
    const failed = (error: unknown): Reply => {
      this.#deps.log.error("Cannot answer a DNS query", { name: query.name, error: describeError(error) });
      return emptyReply(RCODE.SERVFAIL);
    };
    try {
      const reply = this.#chain(query);
      return reply instanceof Promise ? reply.catch(failed) : reply;
    } catch (error) {
      return failed(error);
    }
  }

  #serialize(query: Query, reply: Reply, limit: number): Buffer {
    this.#rcodes.set(reply.rcode, (this.#rcodes.get(reply.rcode) ?? 0) + 1);
    return serializeReply(query, reply, limit);
  }

  #send(socket: UdpSocket, answer: Buffer, { port, address }: RemoteInfo): void {
    try {
      socket.send(answer, port, address, (error) => {
        if (error) this.#counts.sendErrors += 1;
      });
    } catch {
      // Port 0 in a forged datagram, or a socket that was just closed: nobody to tell.
      this.#counts.sendErrors += 1;
    }
  }

  /** An upstream that is one of our own sockets is left out; longer ways back to us are found by the loop guard. */
  #useUpstreams(): void {
    const own = this.#udp.map((socket) => socket.address());
    const foreign = this.#upstreams.filter((text) => {
      const upstream = parseUpstream(text);
      return !own.some(({ address, port }) => port === upstream?.port && address === upstream.host);
    });
    if (this.#forward.setUpstreams(foreign)) this.#cache.clear();
  }
}

type Listen = NonNullable<DnsServerOptions["listen"]>[number];

function place({ address, port }: { address: string; port: number }): { host: string; port: number } {
  return { host: address, port };
}

/** A socket that failed to bind is closed already. */
function closeUdp(socket: UdpSocket): void {
  socket.removeAllListeners("message");
  try {
    socket.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SOCKET_DGRAM_NOT_RUNNING") throw error;
  }
}
