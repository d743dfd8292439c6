/** Numbers for Prometheus, in its text format (version 0.0.4). */

export type LabelValues = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly lines: () => readonly string[];
}

export interface Counter {
  add(labels?: LabelValues, by?: number): void;
}

export interface Gauge {
  set(value: number, labels?: LabelValues): void;
  add(by: number, labels?: LabelValues): void;
}

export interface Histogram {
  observe(value: number, labels?: LabelValues): void;
}

/** Upper bounds in seconds. */
const LATENCY_BUCKETS: readonly number[] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** Holds every number of one process; each name is made once. */
export class Metrics {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string): Counter {
    const values = this.#numbers(name, help, "counter");
    return { add: (labels = {}, by = 1) => bump(values, labels, by) };
  }

  gauge(name: string, help: string): Gauge {
    const values = this.#numbers(name, help, "gauge");
    return {
      set: (value, labels = {}) => void values.set(labelText(labels), value),
      add: (by, labels = {}) => bump(values, labels, by),
    };
  }

  /** A number that is read when it is asked for: a gauge, or a counter where its name ends like one. */
  reading(name: string, help: string, read: () => number): void {
    this.readings(name, help, () => [[{}, read()]]);
  }

  /** The same with labels. */
  readings(name: string, help: string, read: () => Iterable<readonly [LabelValues, number]>): void {
    const lines = (): string[] => [...read()].map(([labels, value]) => `${name}${braces(labelText(labels))} ${value}`);
    this.#add({ name, help, type: name.endsWith("_total") ? "counter" : "gauge", lines });
  }

  histogram(name: string, help: string, bounds: readonly number[] = LATENCY_BUCKETS): Histogram {
    const series = new Map<string, { counts: number[]; sum: number; count: number }>();
    const lines = (): string[] =>
      [...series].flatMap(([labels, { counts, sum, count }]) => [
        ...bounds.map((bound, index) => `${name}_bucket${withLabel(labels, `le="${bound}"`)} ${counts[index] ?? 0}`),
        `${name}_bucket${withLabel(labels, 'le="+Inf"')} ${count}`,
        `${name}_sum${braces(labels)} ${sum}`,
        `${name}_count${braces(labels)} ${count}`,
      ]);
    this.#add({ name, help, type: "histogram", lines });
    return {
      observe: (value, labels = {}) => {
        const key = labelText(labels);
        const one = series.get(key) ?? { counts: bounds.map(() => 0), sum: 0, count: 0 };
        series.set(key, one);
        one.sum += value;
        one.count += 1;
        bounds.forEach((bound, index) => {
          if (value <= bound) one.counts[index] = (one.counts[index] ?? 0) + 1;
        });
      },
    };
  }

  text(): string {
    return [...this.#families.values()]
      .flatMap(({ name, help, type, lines }) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines()])
      .map((line) => `${line}\n`)
      .join("");
  }

  #numbers(name: string, help: string, type: "counter" | "gauge"): Map<string, number> {
    const values = new Map<string, number>();
    const lines = (): string[] => [...values].map(([labels, value]) => `${name}${braces(labels)} ${value}`);
    this.#add({ name, help, type, lines });
    return values;
  }

  #add(family: Family): void {
    if (this.#families.has(family.name)) throw new Error(`Cannot add the metric ${family.name}: it exists`);
    this.#families.set(family.name, family);
  }
}

function bump(values: Map<string, number>, labels: LabelValues, by: number): void {
  const key = labelText(labels);
  values.set(key, (values.get(key) ?? 0) + by);
}

function labelText(labels: LabelValues): string {
  return Object.entries(labels)
    .map(
      ([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`,
    )
    .join(",");
}

function braces(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function withLabel(labels: string, more: string): string {
  return braces(labels === "" ? more : `${labels},${more}`);
}
