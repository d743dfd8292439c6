import type { Clock } from "../lib/clock.ts";

export interface AggregatedNewsDeps<Item> {
  readonly clock: Clock;
  /** The first time at once, then as often as it happened in `everyMs`. */
  readonly tell: (item: Item, count: number) => void;
}

export interface AggregatedNewsOptions<Item> {
  /** Items of one key are one piece of news. */
  readonly keyOf: (item: Item) => string;
  /** What stands for an item when too many different ones come. Few of these must be possible. */
  readonly summary: (item: Item) => Item;
  readonly everyMs?: number;
  /** Different items that are told apart at once. */
  readonly most?: number;
}

interface Entry<Item> {
  item: Item;
  /** How often since it was last told. */
  count: number;
}

/**
 * Tells what strangers can cause as often as they like, at most once in a while for each kind and source, with how often
 * it was. Sources can be forged: beyond `most` they are told as one, so that neither memory nor news grow with them.
 */
export class AggregatedNews<Item> {
  readonly #deps: AggregatedNewsDeps<Item>;
  readonly #options: Required<AggregatedNewsOptions<Item>>;
  readonly #entries = new Map<string, Entry<Item>>();
  #cancel: () => void = () => {};

  constructor(deps: AggregatedNewsDeps<Item>, options: AggregatedNewsOptions<Item>) {
    this.#deps = deps;
    this.#options = { everyMs: 60_000, most: 64, ...options };
  }

  /** How many different ones are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  note(item: Item): void {
    const { keyOf, summary, most } = this.#options;
    let [key, told] = [keyOf(item), item];
    if (!this.#entries.has(key) && this.#entries.size >= most) {
      told = summary(item);
      key = keyOf(told);
    }
    const entry = this.#entries.get(key);
    if (entry) {
      entry.item = told;
      entry.count += 1;
      return;
    }
    if (this.#entries.size === 0) this.#later();
    this.#entries.set(key, { item: told, count: 0 });
    this.#deps.tell(told, 1);
  }

  /** Tells what is left, and nothing after it. */
  stop(): void {
    this.#cancel();
    for (const { item, count } of this.#entries.values()) if (count > 0) this.#deps.tell(item, count);
    this.#entries.clear();
  }

  #later(): void {
    this.#cancel = this.#deps.clock.timer(this.#options.everyMs, () => this.#flush());
  }

  /** What did not happen again is forgotten. */
  #flush(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.count === 0) this.#entries.delete(key);
      else this.#deps.tell(entry.item, entry.count);
      entry.count = 0;
    }
    if (this.#entries.size > 0) this.#later();
  }
}
