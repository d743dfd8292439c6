import type { Random } from "../../lib/random.ts";

/**
 * Hands out numbers of [first, last]. What is taken is asked from the caller's state each time; what was handed out and
 * is not in that state yet is remembered here, so that two requests at once do not get the same.
 */
export class NumberPool {
  readonly first: number;
  readonly last: number;
  readonly #taken: () => ReadonlySet<number>;
  readonly #random: Random;
  readonly #pending = new Set<number>();

  constructor(
    deps: { readonly taken: () => ReadonlySet<number>; readonly random: Random },
    range: readonly [number, number],
  ) {
    this.#taken = deps.taken;
    this.#random = deps.random;
    [this.first, this.last] = range;
  }

  includes(number: number): boolean {
    return number >= this.first && number <= this.last;
  }

  /** False where someone else has it. */
  reserve(number: number): boolean {
    if (this.#pending.has(number) || this.#taken().has(number)) return false;
    this.#pending.add(number);
    return true;
  }

  /** A free number from a random place on, at `from` or above where one is free there. Undefined when all are taken. */
  next(from = this.first): number | undefined {
    const taken = this.#taken();
    const isFree = (number: number): boolean => !taken.has(number) && !this.#pending.has(number);
    const found = this.#search([from, this.last], isFree) ?? this.#search([this.first, from - 1], isFree);
    if (found !== undefined) this.#pending.add(found);
    return found;
  }

  /** Forgets a reservation: the state has it now, or nobody does. */
  settle(number: number): void {
    this.#pending.delete(number);
  }

  #search([first, last]: readonly [number, number], isFree: (number: number) => boolean): number | undefined {
    const size = last - first + 1;
    if (size <= 0) return undefined;
    const start = Math.floor(this.#random.next() * size);
    for (let step = 0; step < size; step++) {
      const number = first + ((start + step) % size);
      if (isFree(number)) return number;
    }
    return undefined;
  }
}
