/** One line of the benchmark's table. Both figures come from the same run on the same machine. */
export interface Result {
  readonly row: string;
  readonly unit: string;
  readonly ours: number;
  /** What the peer or the physical limit reached, and its name. */
  readonly reference?: { readonly name: string; readonly value: number };
  /** What the ratio (ours to reference) or, without a reference, the figure itself should be. */
  readonly goal?: { readonly compare: "at most" | "at least"; readonly value: number };
}

/** Something that `npm run bench NAME` measures. */
export interface Bench {
  readonly name: string;
  readonly meaning: string;
  run(): Promise<readonly Result[]>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

export function ratioOf(result: Result): number | undefined {
  return result.reference === undefined ? undefined : result.ours / result.reference.value;
}

/** One line: figures, ratio, and whether the goal is met. */
export function resultLine(result: Result): string {
  const number = (value: number): string =>
    value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3);
  const ratio = ratioOf(result);
  const judged = ratio ?? result.ours;
  const { goal } = result;
  const met = goal && (goal.compare === "at most" ? judged <= goal.value : judged >= goal.value);
  return [
    result.row.padEnd(44),
    `${number(result.ours)} ${result.unit}`.padEnd(16),
    result.reference
      ? `${result.reference.name} ${number(result.reference.value)} ${result.unit}`.padEnd(38)
      : "".padEnd(38),
    ratio === undefined ? "".padEnd(12) : `ratio ${number(ratio)}`.padEnd(12),
    goal ? `goal ${goal.compare} ${goal.value}: ${met ? "met" : "MISSED"}` : "",
  ].join(" ");
}
