/** What a timer is for. Data, not functions: a state can be looked at and compared. */
export type Due =
  | { readonly kind: "probe-tick" }
  | { readonly kind: "gossip-tick" }
  | { readonly kind: "push-pull-tick" }
  | { readonly kind: "probe-timeout"; readonly seqNo: number }
  | { readonly kind: "probe-end"; readonly seqNo: number }
  | { readonly kind: "relay-end"; readonly seqNo: number }
  | { readonly kind: "suspicion-check"; readonly name: string; readonly epoch: number }
  | { readonly kind: "suspicion-end"; readonly name: string; readonly epoch: number };

interface Entry {
  at: number;
  readonly order: number;
  readonly due: Due;
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Timers in the order in which they fall due, a binary heap. Those that lost their meaning are ignored when they come. */
export class TimerQueue {
  #heap: Entry[] = [];
  #order = 0;

  /** When the first one falls due. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(at: number, due: Due): void {
    this.#heap.push({ at, order: this.#order, due });
    this.#order += 1;
    this.#rise(this.#heap.length - 1);
  }

  /** Takes the first one that is due at `now`, and when it was due. */
  take(now: number): { due: Due; at: number } | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return { due: first.due, at: first.at };
  }

  /** Moves all that wait for something, but not the regular ticks. */
  postpone(ms: number): void {
    for (const entry of this.#heap) if (!entry.due.kind.endsWith("-tick")) entry.at += ms;
    this.#heap.sort((a, b) => (before(a, b) ? -1 : 1));
  }

  #rise(from: number): void {
    const heap = this.#heap;
    for (let index = from; index > 0;) {
      const parent = (index - 1) >> 1;
      const [child, above] = [heap[index] as Entry, heap[parent] as Entry];
      if (!before(child, above)) return;
      heap[index] = above;
      heap[parent] = child;
      index = parent;
    }
  }

  #sink(from: number): void {
    const heap = this.#heap;
    for (let index = from; ;) {
      const left = index * 2 + 1;
      let least = index;
      for (const child of [left, left + 1]) {
        if (child < heap.length && before(heap[child] as Entry, heap[least] as Entry)) least = child;
      }
      if (least === index) return;
      const moved = heap[index] as Entry;
      heap[index] = heap[least] as Entry;
      heap[least] = moved;
      index = least;
    }
  }
}
