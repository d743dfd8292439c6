import type { Clock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import { secretBytes } from "../lib/random.ts";
import { questionKey } from "./answer-cache.ts";
import type { DnsHandler, Next } from "./chain.ts";
import { queryFor, type Query } from "./query.ts";
import { emptyReply, type Reply } from "./reply.ts";
import { parseUpstream, upstreamText, type UpstreamAddress } from "./upstream-address.ts";
import type { UpstreamExchange } from "./upstream-exchange.ts";
import { CLASS, RCODE, TYPE } from "./wire.ts";

export interface ForwardOptions {
  /** Milliseconds for one upstream to answer once. */
  attemptTimeoutMs?: number;
  /** Milliseconds for all attempts: what the resolvers in containers wait (resolv.conf's default is 5 s). */
  totalTimeoutMs?: number;
  /** Different questions that may wait for upstreams at the same time; more are answered with SERVFAIL at once. */
  maxOutstanding?: number;
  /** How many of them one client's address may hold, so that the others are still served. */
  maxPerClient?: number;
  /** Milliseconds for which an upstream that failed is asked last. */
  penaltyMs?: number;
}

interface Upstream {
  readonly address: UpstreamAddress;
  failedUntil: number;
  looping: boolean;
}

/** Asks the upstreams, in the order given but those that failed lately last. Never rejects: SERVFAIL when none answers. */
export class Forward implements DnsHandler {
  readonly name = "forward";
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #exchange: UpstreamExchange;
  readonly #options: Required<ForwardOptions>;
  readonly #waiting = new Map<string, Promise<Reply>>();
  /** By client, how many of its questions wait; only clients with some. */
  readonly #held = new Map<string, number>();
  readonly #probes = new Map<string, Upstream>();
  readonly #stopped = new AbortController();
  readonly #counts = { asked: 0, failed: 0, foreign: 0, refused: 0, loops: 0 };
  #upstreams: readonly Upstream[] = [];

  constructor(
    { clock, log, exchange }: { clock: Clock; log: Logger; exchange: UpstreamExchange },
    {
      attemptTimeoutMs = 2000,
      totalTimeoutMs = 4500,
      maxOutstanding = 1000,
      maxPerClient = 100,
      penaltyMs = 5000,
    }: ForwardOptions = {},
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#exchange = exchange;
    this.#options = { attemptTimeoutMs, totalTimeoutMs, maxOutstanding, maxPerClient, penaltyMs };
  }

  /** Answers what is waiting with SERVFAIL; nothing is asked any more. */
  stop(): void {
    this.#stopped.abort();
  }

  stats(): { asked: number; failed: number; foreign: number; refused: number; loops: number; waiting: number } {
    return { ...this.#counts, waiting: this.#waiting.size };
  }

  /** Replaces the upstreams; those that stay keep what is known of them. Returns whether anything changed. */
  setUpstreams(texts: readonly string[]): boolean {
    const known = new Map(this.#upstreams.map((upstream) => [upstreamText(upstream.address), upstream]));
    const next = texts.flatMap((text) => {
      const address = parseUpstream(text);
      if (address === undefined) {
        this.#log.warn("Cannot use an upstream resolver: it is not ip:port", { upstream: text });
        return [];
      }
      return [known.get(upstreamText(address)) ?? { address, failedUntil: 0, looping: false }];
    });
    const changed = next.length !== this.#upstreams.length || next.some((one, index) => one !== this.#upstreams[index]);
    const added = next.filter((upstream) => !this.#upstreams.includes(upstream));
    this.#upstreams = next;
    for (const upstream of added) void this.#probe(upstream);
    return changed;
  }

  /** Placed first in the chain: a probe that we sent to an upstream comes back to us only if that one asks us. */
  readonly loopGuard: DnsHandler = {
    name: "loop-guard",
    serve: (query: Query, next: Next) => {
      const upstream = this.#probes.get(query.name);
      if (upstream === undefined) return next(query);
      if (!upstream.looping) {
        upstream.looping = true;
        this.#counts.loops += 1;
        this.#log.warn("An upstream resolver asks this very server: it is no longer asked", {
          upstream: upstreamText(upstream.address),
        });
      }
      return emptyReply(RCODE.NXDOMAIN);
    },
  };

  serve(query: Query): Reply | Promise<Reply> {
    const key = questionKey(query);
    // One question of many clients is asked once. It also breaks a loop: our own question coming back only waits.
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    const { client } = query;
    const held = client === undefined ? 0 : (this.#held.get(client) ?? 0);
    if (this.#waiting.size >= this.#options.maxOutstanding || held >= this.#options.maxPerClient) {
      this.#counts.refused += 1;
      return emptyReply(RCODE.SERVFAIL);
    }
    if (client !== undefined) this.#held.set(client, held + 1);
    const asked = this.#resolve(query).finally(() => {
      this.#waiting.delete(key);
      if (client !== undefined) this.#release(client);
    });
    this.#waiting.set(key, asked);
    return asked;
  }

  #release(client: string): void {
    const left = (this.#held.get(client) ?? 1) - 1;
    if (left > 0) this.#held.set(client, left);
    else this.#held.delete(client);
  }

  async #resolve(query: Query): Promise<Reply> {
    const deadline = this.#clock.monotonic() + this.#options.totalTimeoutMs;
    const order = this.#order();
    const refused = new Map<Upstream, Reply>();
    for (const upstream of [...order, ...order]) {
      const left = deadline - this.#clock.monotonic();
      if (left <= 0 || this.#stopped.signal.aborted) break;
      if (upstream.looping || refused.has(upstream)) continue;
      const reply = await this.#ask(query, upstream, Math.min(left, this.#options.attemptTimeoutMs));
      if (reply === undefined) continue;
      if (reply.rcode === RCODE.NOERROR || reply.rcode === RCODE.NXDOMAIN) return reply;
      // Another upstream may do better; its words stand if none does.
      refused.set(upstream, reply);
    }
    this.#counts.failed += 1;
    return refused.values().next().value ?? emptyReply(RCODE.SERVFAIL);
  }

  async #ask(query: Query, upstream: Upstream, timeoutMs: number): Promise<Reply | undefined> {
    this.#counts.asked += 1;
    try {
      return await this.#exchange.ask(query, upstream.address, {
        timeoutMs,
        signal: this.#stopped.signal,
        onForeign: () => {
          this.#counts.foreign += 1;
        },
      });
    } catch (error) {
      upstream.failedUntil = this.#clock.monotonic() + this.#options.penaltyMs;
      this.#log.debug("An upstream resolver did not answer", { error: describeError(error) });
      return undefined;
    }
  }

  #order(): readonly Upstream[] {
    const now = this.#clock.monotonic();
    const failed = this.#upstreams.filter(({ failedUntil }) => failedUntil > now);
    return failed.length === 0
      ? this.#upstreams
      : [...this.#upstreams.filter(({ failedUntil }) => failedUntil <= now), ...failed];
  }

  /** Never rejects: an upstream that does not answer the probe is found out by the first real query. */
  async #probe(upstream: Upstream): Promise<void> {
    const name = `${secretBytes(12).toString("hex")}.loop.podman-swarm.invalid`;
    this.#probes.set(name, upstream);
    const template: Query = {
      id: 0,
      recursionDesired: true,
      checkingDisabled: false,
      name: "",
      labels: [],
      type: TYPE.TXT,
      class: CLASS.IN,
      question: Buffer.alloc(0),
    };
    await this.#ask(queryFor(template, name), upstream, this.#options.attemptTimeoutMs);
    this.#probes.delete(name);
  }
}
