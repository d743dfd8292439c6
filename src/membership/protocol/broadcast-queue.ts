interface Broadcast {
  readonly message: Buffer;
  readonly id: number;
  /** A newer one of the same name takes its place. */
  readonly name: string | undefined;
  transmits: number;
}

/** Longer ones first, so that packets fill well; of those the newest first. */
function before(a: Broadcast, b: Broadcast): boolean {
  return a.message.length > b.message.length || (a.message.length === b.message.length && a.id > b.id);
}

/**
 * Rumours that still have to be told. What was told least often goes first, so that news is never held up by what most
 * have heard. Order and limits: memberlist v0.7.0, queue.go.
 */
export class BroadcastQueue {
  /** By how often each was sent. */
  #tiers: Broadcast[][] = [];
  readonly #byName = new Map<string, Broadcast>();
  readonly #maxLength: number;
  #nextId = 0;
  #length = 0;

  /** When there are more than `maxLength`, those that were told most often are dropped. */
  constructor(maxLength = Number.POSITIVE_INFINITY) {
    this.#maxLength = maxLength;
  }

  get length(): number {
    return this.#length;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  add(message: Buffer, name?: string): void {
    const old = name === undefined ? undefined : this.#byName.get(name);
    if (old) this.#remove(old);
    const broadcast: Broadcast = { message, id: this.#nextId, name, transmits: 0 };
    this.#nextId += 1;
    this.#insert(broadcast);
    if (this.#length > this.#maxLength) {
      const told = this.#tiers.findLast((tier) => tier.length > 0)?.at(-1);
      if (told) this.#remove(told);
    }
  }

  /**
   * Takes what fits into `bytes`, each with `overhead` more bytes, and at most `count`. What was sent `limit` times by
   * then is done.
   */
  take(bytes: number, { overhead, limit, count }: { overhead: number; limit: number; count: number }): Buffer[] {
    if (this.#length === 0) return [];
    const taken: Broadcast[] = [];
    let left = bytes;
    for (let tier = 0; tier < this.#tiers.length && taken.length < count;) {
      const found = this.#firstThatFits(this.#tiers[tier] ?? [], left - overhead);
      if (found === undefined) {
        tier += 1;
        continue;
      }
      this.#remove(found);
      left -= overhead + found.message.length;
      taken.push(found);
    }
    for (const broadcast of taken) {
      broadcast.transmits += 1;
      if (broadcast.transmits < limit) this.#insert(broadcast);
    }
    return taken.map(({ message }) => message);
  }

  #firstThatFits(tier: readonly Broadcast[], bytes: number): Broadcast | undefined {
    let [low, high] = [0, tier.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((tier[middle]?.message.length ?? 0) > bytes) low = middle + 1;
      else high = middle;
    }
    return tier[low];
  }

  #position(tier: readonly Broadcast[], broadcast: Broadcast): number {
    let [low, high] = [0, tier.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(tier[middle] as Broadcast, broadcast)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(broadcast: Broadcast): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push([]);
    const tier = this.#tiers[broadcast.transmits] as Broadcast[];
    tier.splice(this.#position(tier, broadcast), 0, broadcast);
    if (broadcast.name !== undefined) this.#byName.set(broadcast.name, broadcast);
    this.#length += 1;
  }

  #remove(broadcast: Broadcast): void {
    const tier = this.#tiers[broadcast.transmits] as Broadcast[];
    tier.splice(this.#position(tier, broadcast), 1);
    if (broadcast.name !== undefined) this.#byName.delete(broadcast.name);
    this.#length -= 1;
    if (this.#length === 0) this.#tiers = [];
  }
}
