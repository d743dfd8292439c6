import type { Random } from "../../lib/random.ts";
import { exchangeDigests } from "../digest.ts";
import type { ObjectState } from "../object-state.ts";
import type { ObjectStore } from "../object-store.ts";
import { openMemoryStore } from "../open-memory-store.ts";
import { SimulatedClock } from "./simulated-clock.ts";

interface Message {
  readonly to: number;
  readonly state: ObjectState;
}

export interface SimulatedReplica {
  readonly store: ObjectStore;
  readonly clock: SimulatedClock;
}

/** Replicas in one process that push their changes over a network which loses, reorders, repeats and parts. */
export class Replicas {
  readonly all: readonly SimulatedReplica[];
  readonly #random: Random;
  readonly #loss: number;
  readonly #messages: Message[] = [];
  /** The side on which each replica is; those on different sides do not hear each other. */
  #sides: number[];

  constructor(random: Random, { count = 3, loss = 0.2, startMs = Date.UTC(2026, 0, 1) } = {}) {
    this.#random = random;
    this.#loss = loss;
    this.#sides = Array.from({ length: count }, () => 0);
    this.all = this.#sides.map((_, from) => {
      const clock = new SimulatedClock(startMs);
      const store = openMemoryStore({ clock, random });
      store.onApplied(({ state, local }) => {
        if (local) this.#push(from, state);
      }, new AbortController().signal);
      return { store, clock };
    });
  }

  /** Moves every clock. */
  advance(ms: number): void {
    for (const { clock } of this.all) clock.ms += ms;
  }

  part(sides: readonly number[]): void {
    this.#sides = [...sides];
  }

  /** Delivers about half of what is under way, in any order, some of it twice. */
  async deliver(): Promise<void> {
    for (let count = Math.ceil(this.#messages.length / 2); count > 0; count -= 1) {
      const at = Math.floor(this.#random.next() * this.#messages.length);
      const message = this.#messages[at] as Message;
      if (this.#random.next() > 0.1) this.#messages.splice(at, 1);
      await this.all[message.to]?.store.apply([JSON.parse(JSON.stringify(message.state)) as ObjectState]);
    }
  }

  /** Everybody repairs from everybody. */
  async repair(): Promise<void> {
    this.part(this.#sides.map(() => 0));
    this.#messages.length = 0;
    for (let round = 0; round < this.all.length; round += 1)
      for (const { store: a } of this.all)
        for (const { store: b } of this.all) if (a !== b) await exchangeDigests(a, b);
  }

  #push(from: number, state: ObjectState): void {
    for (const to of this.#sides.keys()) {
      if (to === from || this.#sides[to] !== this.#sides[from] || this.#random.next() < this.#loss) continue;
      this.#messages.push({ to, state });
    }
  }
}
