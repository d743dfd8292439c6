import { systemClock } from "../../src/lib/clock.ts";

/** What took how long, for people: nothing is decided by it, because the machine may be busy. */
export class Times {
  readonly #title: string;
  readonly #rows: [what: string, ms: number][] = [];

  constructor(title: string) {
    this.#title = title;
  }

  add(what: string, ms: number): void {
    this.#rows.push([what, ms]);
  }

  async measure(what: string, work: () => Promise<void>): Promise<void> {
    const began = systemClock.monotonic();
    await work();
    this.add(what, systemClock.monotonic() - began);
  }

  toString(): string {
    const width = Math.max(...this.#rows.map(([what]) => what.length));
    const lines = this.#rows.map(([what, ms]) => `  ${what.padEnd(width)}  ${(ms / 1000).toFixed(2).padStart(6)} s`);
    return [this.#title, ...lines, ""].join("\n");
  }
}
