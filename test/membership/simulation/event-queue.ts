interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** What happens next in simulated time; things of the same time in the order in which they were planned. */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #order = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  /** How many things have happened or are planned. */
  get planned(): number {
    return this.#order;
  }

  add(at: number, run: () => void): void {
    const heap = this.#heap;
    const entry: Entry = { at: Math.max(at, this.#now), order: this.#order, run };
    this.#order += 1;
    heap.push(entry);
    for (let index = heap.length - 1; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent] as Entry)) break;
      heap[index] = heap[parent] as Entry;
      heap[parent] = entry;
      index = parent;
    }
  }

  /** Runs everything up to `until`, and then it is `until`. */
  runUntil(until: number): void {
    for (let first = this.#heap[0]; first && first.at <= until; first = this.#heap[0]) {
      this.#removeFirst();
      this.#now = first.at;
      first.run();
    }
    this.#now = until;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ;) {
      let least = index;
      for (const child of [index * 2 + 1, index * 2 + 2])
        if (child < heap.length && before(heap[child] as Entry, heap[least] as Entry)) least = child;
      if (least === index) return;
      heap[index] = heap[least] as Entry;
      heap[least] = last;
      index = least;
    }
  }
}
