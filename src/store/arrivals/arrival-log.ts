import type { Arrival } from "./arrival-numbers.ts";
import type { StoreEvent } from "../port.ts";

export interface ArrivedEvent {
  readonly arrival: Arrival;
  readonly event: StoreEvent;
}

/** The newest events in memory. */
export class ArrivalLog {
  readonly #limit: number;
  #events: ArrivedEvent[] = [];
  #horizon: Arrival;

  constructor(horizon: Arrival, limit: number) {
    this.#horizon = horizon;
    this.#limit = limit;
  }

  /** Every event after this arrival is here. */
  get horizon(): Arrival {
    return this.#horizon;
  }

  append(arrived: ArrivedEvent): void {
    this.#events.push(arrived);
    if (this.#events.length < this.#limit * 2) return;
    const dropped = this.#events.splice(0, this.#limit);
    // Events of different resources may stand a little out of order, so the last one dropped need not be the greatest.
    this.#horizon = dropped.reduce((latest, { arrival }) => Math.max(latest, arrival), this.#horizon);
  }

  after(resource: string, since: Arrival): ArrivedEvent[] {
    return this.#events.filter(({ arrival, event }) => arrival > since && event.entry.key.resource === resource);
  }
}
