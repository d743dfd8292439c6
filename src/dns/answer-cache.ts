import type { Clock } from "../lib/clock.ts";
import type { DnsHandler, Next } from "./chain.ts";
import type { Query } from "./query.ts";
import type { Reply } from "./reply.ts";
import { RCODE } from "./wire.ts";

export interface AnswerCacheOptions {
  maxEntries?: number;
  /** Bytes of records kept; an upstream may answer with 64 KB each time. */
  maxBytes?: number;
  /** Seconds; longer TTLs are cut to it, so that a wrong answer is not kept for a week. */
  maxTtl?: number;
  /** The same for names that do not exist (RFC 2308 5 suggests one to three hours; a name just made must not wait). */
  maxNegativeTtl?: number;
}

interface Entry {
  readonly reply: Reply;
  readonly storedAt: number;
  readonly expiresAt: number;
}

/** What tells two questions to an upstream apart. */
export function questionKey(query: Query): string {
  const flags = (query.edns?.dnssec ? 1 : 0) | (query.checkingDisabled ? 2 : 0);
  return `${query.type} ${query.class} ${flags} ${query.name}`;
}

/** Keeps upstreams' answers for as long as their TTLs allow; the least recently used go first. */
export class AnswerCache implements DnsHandler {
  readonly name = "cache";
  readonly #clock: Clock;
  readonly #options: Required<AnswerCacheOptions>;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(
    { clock }: { clock: Clock },
    { maxEntries = 10_000, maxBytes = 4_194_304, maxTtl = 3600, maxNegativeTtl = 300 }: AnswerCacheOptions = {},
  ) {
    this.#clock = clock;
    this.#options = { maxEntries, maxBytes, maxTtl, maxNegativeTtl };
  }

  stats(): { entries: number; bytes: number; hits: number; misses: number } {
    return { entries: this.#entries.size, bytes: this.#bytes, hits: this.#hits, misses: this.#misses };
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  async serve(query: Query, next: Next): Promise<Reply> {
    const key = questionKey(query);
    const found = this.#find(key);
    if (found !== undefined) {
      this.#hits += 1;
      return found;
    }
    this.#misses += 1;
    const reply = await next(query);
    this.#store(key, reply);
    return reply;
  }

  #find(key: string): Reply | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const now = this.#clock.monotonic();
    this.#remove(key, entry);
    if (entry.expiresAt <= now) return undefined;
    this.#insert(key, entry);
    const age = Math.floor((now - entry.storedAt) / 1000);
    return { ...entry.reply, age, lifetime: Math.max(0, entry.reply.lifetime - age) };
  }

  #store(key: string, reply: Reply): void {
    const negative = reply.rcode === RCODE.NXDOMAIN || reply.counts[0] === 0;
    const lifetime = Math.min(reply.lifetime, negative ? this.#options.maxNegativeTtl : this.#options.maxTtl);
    if (lifetime <= 0 || reply.records.length > this.#options.maxBytes / 16) return;
    const now = this.#clock.monotonic();
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(key, before);
    this.#insert(key, { reply, storedAt: now, expiresAt: now + lifetime * 1000 });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#options.maxEntries && this.#bytes <= this.#options.maxBytes) break;
      this.#remove(oldest, entry);
    }
  }

  #insert(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += cost(key, entry);
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= cost(key, entry);
  }
}

/** Bytes of an entry, its objects reckoned roughly. */
function cost(key: string, { reply }: Entry): number {
  return key.length + reply.records.length + reply.marks.length * 32 + 256;
}
