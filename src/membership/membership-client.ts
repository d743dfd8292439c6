import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIP, type Socket } from "node:net";
import { systemClock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import type { AggregatedNews } from "./aggregated-news.ts";
import { StreamServer } from "./network/stream-server.ts";
import type { MemberView, Report } from "./protocol/effects.ts";
import type { Endpoint } from "./protocol/member.ts";
import { type GossipRefusal, refusalNews } from "./refusal.ts";
import { PortTakenError, WorkerCalls } from "./worker-calls.ts";
import type { MembershipConfig } from "./worker-messages.ts";

/** Port 0 takes any port that is free for TCP; when UDP's is taken, another one is tried. */
const TRIES = 10;

export interface MembershipClientOptions {
  /** Takes over connections to the cluster port that begin with TLS. */
  readonly onTls?: (socket: Socket) => void;
  /** "given": connections come by `accept`, from whoever holds the listening socket. */
  readonly streams?: "listen" | "given";
}

interface Opened {
  readonly endpoint: Endpoint;
  readonly calls: WorkerCalls;
  readonly server: StreamServer;
  readonly refusals: AggregatedNews<GossipRefusal>;
}

/** The membership as the main thread sees it; the work is done by a thread of its own. */
export class MembershipClient {
  /** Where this node listens. */
  readonly endpoint: Endpoint;
  readonly #name: string;
  readonly #calls: WorkerCalls;
  readonly #server: StreamServer;
  readonly #refusals: AggregatedNews<GossipRefusal>;
  readonly #members = new Map<string, MemberView>();
  readonly #listeners = new Set<(report: Report) => void>();

  private constructor(name: string, { endpoint, calls, server, refusals }: Opened) {
    this.#name = name;
    this.endpoint = endpoint;
    this.#calls = calls;
    this.#server = server;
    this.#refusals = refusals;
  }

  /** Binds the cluster port and starts the worker. `run` owns both from then on. */
  static async open(
    { log }: { log: Logger },
    config: MembershipConfig,
    { onTls, streams = "listen" }: MembershipClientOptions = {},
  ): Promise<MembershipClient> {
    for (let attempt = 1; ; attempt += 1) {
      let client: MembershipClient | undefined;
      const early: Report[] = [];
      const respond = async (frame: Buffer, from: Endpoint): Promise<Uint8Array | undefined> => {
        if (!client) return undefined;
        return (await client.#call({ kind: "frame", frame, from })) as Uint8Array | undefined;
      };
      const hear = (report: Report): void => (client ? client.#hear(report) : void early.push(report));
      const refusals = refusalNews({ clock: systemClock, log, onReport: hear });
      const onRefused = (refusal: GossipRefusal): void => refusals.note(refusal);
      const server = new StreamServer({ log }, { respond, onRefused, ...(onTls ? { onTls } : {}) });
      const { host } = config.bind;
      const port = streams === "listen" ? (await server.listen(host, config.bind.port)).port : config.bind.port;
      const endpoint = { host, port };
      try {
        const { calls, members } = await WorkerCalls.start({ ...config, bind: endpoint }, hear);
        client = new MembershipClient(config.name, { endpoint, calls, server, refusals });
        for (const member of members) client.#members.set(member.name, member);
        for (const report of early) client.#hear(report);
        return client;
      } catch (error) {
        await server.close();
        refusals.stop();
        if (!(error instanceof PortTakenError) || config.bind.port !== 0 || attempt === TRIES) throw error;
      }
    }
  }

  /** Until `signal`, when it stops without leaving. Rejects when the worker fails. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = signal.aborted ? Promise.resolve() : once(signal, "abort").then(() => undefined);
    const error = await Promise.race([this.#calls.ended, aborted]);
    await this.#server.close();
    this.#refusals.stop();
    if (error) throw new Error("Cannot go on with membership: its worker failed", { cause: error });
    await this.#calls.stop();
  }

  /** All names that are known, this node's own among them, dead ones until they are forgotten. */
  members(): MemberView[] {
    return [...this.#members.values()];
  }

  /** This node. */
  self(): MemberView {
    return this.#members.get(this.#name) as MemberView;
  }

  /** Calls `listener` with all news until `signal`. `members` already has them then. */
  subscribe(listener: (report: Report) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /**
   * Joins through any of `addresses` ("host", "host:port", "[v6]:port"; without a port, this node's own). Resolves with
   * how many answered; rejects with all reasons when none did.
   */
  async join(addresses: readonly string[]): Promise<number> {
    const results = await Promise.allSettled(
      addresses.map(async (address) => this.#call({ kind: "join", to: await resolved(address, this.endpoint.port) })),
    );
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
    if (failures.length === results.length)
      throw new Error(`Cannot join the cluster: ${failures.map(describeError).join("; ") || "no address was given"}`);
    return results.length - failures.length;
  }

  /** Tells the others that this node goes; then it can be stopped. There is no way back in the same process. */
  async leave(): Promise<void> {
    await this.#call({ kind: "leave" });
  }

  /** Tells all that a member has gone for good, before they notice. To be used once it cannot object any more: it has no key. */
  async forceLeave(name: string): Promise<void> {
    await this.#call({ kind: "force-leave", name });
  }

  async updateMeta(meta: Uint8Array): Promise<void> {
    await this.#call({ kind: "meta", meta });
  }

  /** A message by gossip to some members at random; who hears it decides whether to tell it on. */
  async broadcast(payload: Uint8Array): Promise<void> {
    await this.#call({ kind: "broadcast", payload });
  }

  /** A message to one member, by one packet that may be lost, or `reliable`. */
  async send(to: string, payload: Uint8Array, { reliable = false }: { reliable?: boolean } = {}): Promise<void> {
    await this.#call({ kind: "send", to, payload, reliable });
  }

  /** Decrypts with one more key. Rotate: install everywhere, use everywhere, remove the old one everywhere. */
  async installKey(key: Uint8Array): Promise<void> {
    await this.#call({ kind: "install-key", key });
  }

  async useKey(key: Uint8Array): Promise<void> {
    await this.#call({ kind: "use-key", key });
  }

  async removeKey(key: Uint8Array): Promise<void> {
    await this.#call({ kind: "remove-key", key });
  }

  /** Counts since the start, and what is the case now. */
  async metrics(): Promise<Record<string, number>> {
    const metrics = (await this.#call({ kind: "metrics" })) as Record<string, number>;
    return { ...metrics, streamsRefused: this.#server.refused };
  }

  /** A connection to the cluster port that somebody else accepted. */
  accept(socket: Socket): void {
    this.#server.accept(socket);
  }

  #call(call: Parameters<WorkerCalls["call"]>[0]): Promise<unknown> {
    return this.#calls.call(call);
  }

  #hear(report: Report): void {
    if ("member" in report) this.#members.set(report.member.name, report.member);
    else if (report.kind === "forgotten") this.#members.delete(report.name);
    for (const listener of this.#listeners) listener(report);
  }
}

async function resolved(address: string, defaultPort: number): Promise<Endpoint> {
  const [, six, host = address, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/u.exec(address) ?? [];
  const name = six ?? host;
  const found = isIP(name) ? name : (await lookup(name)).address;
  return { host: found, port: port === undefined ? defaultPort : Number(port) };
}
