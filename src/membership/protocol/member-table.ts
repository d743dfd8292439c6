import type { Random } from "../../lib/random.ts";
import { isGone, type Member } from "./member.ts";

/** All names that a node knows, and the order in which it probes them. */
export class MemberTable {
  readonly #byName = new Map<string, Member>();
  readonly #random: Random;
  #order: Member[] = [];
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Dead ones that are not yet forgotten count too, as in Go's formulas. */
  get size(): number {
    return this.#order.length;
  }

  get(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  all(): readonly Member[] {
    return this.#order;
  }

  /** Puts it at a random place, so that the time until everyone probes it stays short on average. */
  add(member: Member): void {
    this.#byName.set(member.name, member);
    const last = this.#order.length;
    const place = this.#index(last + 1);
    this.#order.push(member);
    this.#order[last] = this.#order[place] as Member;
    this.#order[place] = member;
  }

  /**
   * The next one to probe: each is met once a round, in an order that changes with every round. Between rounds those
   * that are gone since before `goneBefore` are forgotten; `forgotten` gets their names.
   */
  nextToProbe(
    { self, goneBefore }: { self: string; goneBefore: number },
    forgotten: (member: Member) => void,
  ): Member | undefined {
    for (let checked = 0; checked <= this.#order.length; checked += 1) {
      if (this.#next >= this.#order.length) {
        this.#startRound(goneBefore, forgotten);
        continue;
      }
      const member = this.#order[this.#next] as Member;
      this.#next += 1;
      if (member.name !== self && !isGone(member)) return member;
    }
    return undefined;
  }

  /** Up to `count` different members that `fits`, by chance. */
  pick(count: number, fits: (member: Member) => boolean): Member[] {
    const picked: Member[] = [];
    const size = this.#order.length;
    // Few enough to try all; among many, trying at random finds enough without going over all of them.
    if (size < count * 3) {
      const rest = this.#order.filter(fits);
      while (picked.length < count && rest.length > 0) picked.push(...rest.splice(this.#index(rest.length), 1));
      return picked;
    }
    for (let tries = 0; tries < size * 3 && picked.length < count; tries += 1) {
      const member = this.#order[this.#index(size)] as Member;
      if (!picked.includes(member) && fits(member)) picked.push(member);
    }
    return picked;
  }

  #startRound(goneBefore: number, forgotten: (member: Member) => void): void {
    const gone = this.#order.filter((member) => isGone(member) && member.changedAt < goneBefore);
    for (const member of gone) {
      this.#byName.delete(member.name);
      forgotten(member);
    }
    if (gone.length > 0) this.#order = this.#order.filter((member) => !gone.includes(member));
    for (let last = this.#order.length - 1; last > 0; last -= 1) {
      const place = this.#index(last + 1);
      const moved = this.#order[last] as Member;
      this.#order[last] = this.#order[place] as Member;
      this.#order[place] = moved;
    }
    this.#next = 0;
  }

  #index(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}
