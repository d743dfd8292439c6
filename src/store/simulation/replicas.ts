import type { Random } from "../../lib/random.ts";
import { digestOf, statesBeyond } from "./digest.ts";
import type { ObjectState } from "../object-state.ts";
import type { Discarded } from "../merge/discarded.ts";
import type { ObjectStore } from "../object-store.ts";
import { openMemoryStore } from "../open-memory-store.ts";
import { Causality } from "./causality.ts";
import { SimulatedClock } from "./simulated-clock.ts";

interface Message {
  readonly to: number;
  readonly state: ObjectState;
  readonly known: ReadonlySet<string>;
}

export interface SimulatedReplica {
  readonly store: ObjectStore;
  readonly clock: SimulatedClock;
}

/** Replicas in one process that push their changes over a network which loses, reorders, repeats and parts. */
export class Replicas {
  readonly all: readonly SimulatedReplica[];
  readonly causality: Causality;
  readonly #random: Random;
  readonly #loss: number;
  readonly #messages: Message[] = [];
  /** The side on which each replica is; those on different sides do not hear each other. */
  #sides: number[];

  constructor(random: Random, { count = 3, loss = 0.2, startMs = Date.UTC(2026, 0, 1) } = {}) {
    this.#random = random;
    this.#loss = loss;
    this.#sides = Array.from({ length: count }, () => 0);
    this.causality = new Causality(count);
    this.all = this.#sides.map((_, from) => {
      const clock = new SimulatedClock(startMs);
      const store = openMemoryStore({ clock, random, replica: `r${from}` });
      store.onApplied(({ state, local }) => {
        if (!local) return;
        this.causality.wrote(from, state);
        this.#push(from, state);
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
      await this.#hear(message);
    }
  }

  /** Everybody repairs from everybody. */
  async repair(): Promise<void> {
    this.part(this.#sides.map(() => 0));
    this.#messages.length = 0;
    for (let round = 0; round < this.all.length; round += 1)
      for (const [from, { store: a }] of this.all.entries())
        for (const [to, { store: b }] of this.all.entries()) if (a !== b) await this.#repair({ from, a, to, b });
  }

  async #repair(pair: { from: number; a: ObjectStore; to: number; b: ObjectStore }): Promise<void> {
    const { from, a, to, b } = pair;
    const [forA, forB] = [statesBeyond(b, digestOf(a)), statesBeyond(a, digestOf(b))];
    const [byA, byB] = [from, to].map((side) => (state: ObjectState) => this.causality.known(side, state));
    const messages = [
      ...forA.map((state) => ({ to: from, state, known: byB?.(state) ?? new Set<string>() })),
      ...forB.map((state) => ({ to, state, known: byA?.(state) ?? new Set<string>() })),
    ];
    for (const message of messages) await this.#hear(message);
  }

  async #hear({ to, state, known }: Message): Promise<void> {
    const { store } = this.all[to] as SimulatedReplica;
    const theirs = JSON.parse(JSON.stringify(state)) as ObjectState;
    const ours = store.state(state.key);
    const stop = new AbortController();
    let told: Discarded | undefined;
    store.onDiscarded((discarded) => (told = discarded), stop.signal);
    await store.apply([theirs]);
    stop.abort();
    const now = store.state(state.key);
    if (told && now && ours) {
      const lost = [ours, theirs].find(({ uid, main }) => uid === told?.uid && main?.by === told.by) ?? theirs;
      this.causality.reported(lost, now);
    }
    this.causality.heard(to, { known, state: now });
  }

  #push(from: number, state: ObjectState): void {
    for (const to of this.#sides.keys()) {
      if (to === from || this.#sides[to] !== this.#sides[from] || this.#random.next() < this.#loss) continue;
      this.#messages.push({ to, state, known: this.causality.known(from, state) });
    }
  }
}
