import type { Change } from "./disk/disk.ts";
import type { Key } from "./port.ts";

/** One write on its way: what it changes and how it ends. */
export interface Write<Result> {
  readonly key: Key;
  readonly changes: readonly Change[];
  readonly local: boolean;
  readonly release: () => void;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Called when it is this one's turn. It must call `release` once in the end, and must not throw. */
export type Turn = (release: () => void) => void;

/** Lets one write at a time at each key, first come, first served. */
export class WriteQueues {
  readonly #waiting = new Map<string, Turn[]>();

  enter(id: string, turn: Turn): void {
    const queue = this.#waiting.get(id);
    if (queue) {
      queue.push(turn);
      return;
    }
    this.#waiting.set(id, []);
    this.#run(id, turn);
  }

  /** A loop, as a long queue of turns that end at once would otherwise nest as deep. */
  #run(id: string, first: Turn): void {
    for (let turn: Turn | undefined = first; turn; turn = this.#waiting.get(id)?.shift()) {
      let [released, returned] = [false, false];
      turn(() => {
        released = true;
        if (returned) this.#next(id);
      });
      returned = true;
      if (!released) return;
    }
    this.#waiting.delete(id);
  }

  #next(id: string): void {
    const turn = this.#waiting.get(id)?.shift();
    if (turn) this.#run(id, turn);
    else this.#waiting.delete(id);
  }
}
