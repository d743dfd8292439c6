/** Names that clients ask for over and over: from the query's bytes to the answer's, without parsing either. */
export class HotAnswers {
  readonly #maxEntries: number;
  #entries = new Map<string, HotEntry>();
  /** What was hot before the table was full last: used again, it moves over; the rest goes at the next time. */
  #before = new Map<string, HotEntry>();
  #hits = 0;

  constructor({ maxEntries = 4096 }: { maxEntries?: number } = {}) {
    this.#maxEntries = maxEntries;
  }

  get hits(): number {
    return this.#hits;
  }

  /** Everything but the id: flags, counts, the question in the client's case, EDNS. So the answer fits it exactly. */
  key(query: Buffer): string {
    return query.toString("latin1", 2);
  }

  /** A copy of the answer that carries this query's id; undefined when it must be made anew. */
  get(key: string, query: Buffer, now: number): Buffer | undefined {
    const entry = this.#entries.get(key) ?? this.#recall(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt <= now) {
      this.#entries.delete(key);
      this.#before.delete(key);
      return undefined;
    }
    // Each order of the records is made once by the chain, then they take turns.
    if (entry.answers.length < entry.orders) return undefined;
    this.#hits += 1;
    const answer = entry.answers[entry.next]!;
    entry.next = (entry.next + 1) % entry.answers.length;
    // A copy: the socket may hold the buffer back, and another client's id would be written into it.
    const copy = Buffer.allocUnsafe(answer.length);
    answer.copy(copy);
    copy[0] = query[0]!;
    copy[1] = query[1]!;
    return copy;
  }

  put(key: string, answer: Buffer, { orders, expiresAt }: { orders: number; expiresAt: number }): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.answers.length < entry.orders) {
      entry.answers.push(answer);
      return;
    }
    this.#insert(key, { answers: [answer], orders, next: 0, expiresAt });
  }

  clear(): void {
    this.#entries = new Map();
    this.#before = new Map();
  }

  #recall(key: string): HotEntry | undefined {
    const entry = this.#before.get(key);
    if (entry !== undefined) this.#insert(key, entry);
    return entry;
  }

  #insert(key: string, entry: HotEntry): void {
    if (this.#entries.size >= this.#maxEntries / 2) {
      this.#before = this.#entries;
      this.#entries = new Map();
    }
    this.#entries.set(key, entry);
  }
}

interface HotEntry {
  readonly answers: Buffer[];
  readonly orders: number;
  readonly expiresAt: number;
  next: number;
}
