import type { Logger } from "../../lib/log.ts";
import type { ArrivedEvent } from "./arrival-log.ts";
import type { Arrival } from "./arrival-numbers.ts";
import type { StoreEvent } from "../port.ts";

type Listener = (event: StoreEvent) => void;

interface Watcher {
  readonly listener: Listener;
  last: Arrival;
}

/** Tells each listener each event once and in order, also when a listener writes or watches while it is told. */
export class Watchers {
  readonly #logger: Logger;
  readonly #byResource = new Map<string, Set<Watcher>>();
  readonly #queue: ArrivedEvent[] = [];
  #delivering = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Tells `replayed` before it returns. `last` is the arrival up to which the listener then knows everything. */
  add(
    resource: string,
    { listener, last, replayed }: { listener: Listener; last: Arrival; replayed: readonly StoreEvent[] },
    signal: AbortSignal,
  ): void {
    if (signal.aborted) return;
    const watcher = { listener, last };
    let watchers = this.#byResource.get(resource);
    if (!watchers) this.#byResource.set(resource, (watchers = new Set()));
    const mine = watchers;
    mine.add(watcher);
    signal.addEventListener("abort", () => void mine.delete(watcher), { once: true });
    this.#holding(() => {
      for (const event of replayed) if (!signal.aborted) this.#tell(watcher, event);
    });
  }

  publish(arrived: ArrivedEvent): void {
    this.#queue.push(arrived);
    this.#holding(() => {});
  }

  /** Does one thing while events wait, then tells them, unless somebody further out does so. */
  #holding(action: () => void): void {
    if (this.#delivering) {
      action();
      return;
    }
    this.#delivering = true;
    action();
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.#deliver(next);
    this.#delivering = false;
  }

  #deliver({ arrival, event }: ArrivedEvent): void {
    for (const watcher of this.#byResource.get(event.entry.key.resource) ?? []) {
      if (arrival <= watcher.last) continue;
      watcher.last = arrival;
      this.#tell(watcher, event);
    }
  }

  #tell({ listener }: Watcher, event: StoreEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#logger.error("a watcher failed on an event", { resource: event.entry.key.resource, error });
    }
  }
}
