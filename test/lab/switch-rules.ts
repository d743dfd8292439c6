import { execFileSync } from "node:child_process";

/** Two hosts by their numbers, in either order. */
export type Pair = readonly [number, number];

/** What the switch loses between its ports. Its table is its own: nothing of the machine's is read or changed. */
export class SwitchRules {
  readonly #switchPid: number;
  /** In percent, by the lower and the higher number. */
  readonly #losses = new Map<string, number>();

  constructor(switchPid: number) {
    this.#switchPid = switchPid;
  }

  /** The pairs that lose something, by the lower number first. */
  get losses(): { readonly between: Pair; readonly percent: number }[] {
    return [...this.#losses].map(([key, percent]) => {
      const [low = 0, high = 0] = key.split(" ").map(Number);
      return { between: [low, high] as const, percent };
    });
  }

  /** Of what either sends to the other, this share is lost from now on: 0 is nothing, 100 everything. */
  lose(pairs: readonly Pair[], percent: number): void {
    if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
      throw new Error(`Cannot lose ${percent} percent: give a whole number from 0 to 100`);
    }
    for (const [one, other] of pairs) {
      if (one === other) throw new Error(`Cannot part host ${one} from itself`);
      const key = `${Math.min(one, other)} ${Math.max(one, other)}`;
      if (percent === 0) this.#losses.delete(key);
      else this.#losses.set(key, percent);
    }
    this.#apply();
  }

  /** All at once, so that there is no moment without rules or with half of them. */
  #apply(): void {
    const rules = this.losses.flatMap(({ between: [one, other], percent }) => [
      rule(one, other, percent),
      rule(other, one, percent),
    ]);
    const chain = `chain forward {\n type filter hook forward priority 0; policy accept;\n${rules.join("")}}`;
    const input = `table bridge lab {}\ndelete table bridge lab\ntable bridge lab {\n${chain}\n}\n`;
    execFileSync("nsenter", ["--target", `${this.#switchPid}`, "--net", "nft", "-f", "-"], {
      input,
      stdio: ["pipe", "ignore", "pipe"],
    });
  }
}

/** Ports are named by host, and named alike after a reboot of it. */
function rule(from: number, to: number, percent: number): string {
  const chance = percent === 100 ? "" : `numgen random mod 100 < ${percent} `;
  return `iifname p${from} oifname p${to} ${chance}drop\n`;
}
