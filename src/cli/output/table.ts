import { visibleLine } from "./visible.ts";

/** Kubernetes' server-side Table, as far as printing needs it. */
export interface Table {
  readonly kind: "Table";
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly columnDefinitions?: readonly { readonly name: string; readonly priority?: number; readonly type?: string }[];
  readonly rows?: readonly {
    readonly cells: readonly unknown[];
    readonly object?: {
      readonly metadata?: {
        readonly name?: string;
        readonly namespace?: string;
        readonly labels?: Readonly<Record<string, string>>;
      };
    };
  }[];
}

export interface TableOptions {
  readonly wide?: boolean;
  readonly withNamespace?: boolean;
  readonly showLabels?: boolean;
  readonly labelColumns?: readonly string[];
  readonly noHeaders?: boolean;
  /** Put before each name, as kubectl does when it prints several kinds: `deployment.apps/`. */
  readonly namePrefix?: string;
}

/** The cells of a Table as texts, header first. */
export function tableRows(table: Table, options: TableOptions = {}): string[][] {
  const columns = table.columnDefinitions ?? [];
  const shown = columns.flatMap((column, at) => (options.wide || (column.priority ?? 0) === 0 ? [at] : []));
  const header = [
    ...(options.withNamespace ? ["NAMESPACE"] : []),
    ...shown.map((at) => (columns[at]?.name ?? "").toUpperCase()),
    ...(options.labelColumns ?? []).map((label) => (label.split("/").at(-1) ?? label).toUpperCase()),
    ...(options.showLabels ? ["LABELS"] : []),
  ];
  const rows = (table.rows ?? []).map((row) => {
    const labels = row.object?.metadata?.labels ?? {};
    return [
      ...(options.withNamespace ? [row.object?.metadata?.namespace ?? ""] : []),
      ...shown.map((at) => (at === 0 ? (options.namePrefix ?? "") : "") + cellText(row.cells[at])),
      ...(options.labelColumns ?? []).map((label) => labels[label] ?? ""),
      ...(options.showLabels ? [labelText(labels)] : []),
    ];
  });
  return options.noHeaders ? rows : [header, ...rows];
}

/** Aligns as kubectl does: three spaces between columns, nothing after the last. */
export function alignColumns(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(visibleLine));
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows
    .map(
      (row) =>
        `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd((widths[at] ?? 0) + 3))).join("")}\n`,
    )
    .join("");
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "<none>";
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}

export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const texts = Object.entries(labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return texts.length === 0 ? "<none>" : texts.map(([key, value]) => `${key}=${value}`).join(",");
}
