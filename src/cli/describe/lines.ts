import { visible, visibleLine } from "../output/visible.ts";

/** One line of a description: a field, a block of further lines below a title, or a table below one. */
export type Line =
  | readonly [title: string, value: string | number | undefined]
  | { readonly title: string; readonly value?: string; readonly lines: readonly Line[] }
  | { readonly title: string; readonly rows: readonly (readonly string[])[] };

/** Prints as `kubectl describe` does: values of one block aligned, blocks indented by two. */
export function printLines(lines: readonly Line[], indent = 0): string {
  const pad = " ".repeat(indent);
  const titles = lines.flatMap((line) =>
    "title" in line ? ("lines" in line && line.value === undefined ? [] : [line.title]) : [line[0]],
  );
  const width = Math.max(0, ...titles.map((title) => title.length)) + 3;
  const text = lines
    .map((line) => {
      if (!("title" in line)) return `${pad}${`${line[0]}:`.padEnd(width)}${severalLines(line[1], indent + width)}\n`;
      if ("rows" in line)
        return line.rows.length <= 1
          ? `${pad}${`${line.title}:`.padEnd(width)}<none>\n`
          : `${pad}${line.title}:\n${alignedRows(line.rows, indent + 2)}`;
      const head =
        line.value === undefined ? `${pad}${line.title}:` : `${pad}${`${line.title}:`.padEnd(width)}${line.value}`;
      return `${head}\n${printLines(line.lines, indent + 2)}`;
    })
    .join("");
  return visible(text);
}

function severalLines(value: string | number | undefined, column: number): string {
  const text = value === undefined || value === "" ? "<none>" : String(value);
  return text.split("\n").join(`\n${" ".repeat(column)}`);
}

function alignedRows(rows: readonly (readonly string[])[], indent: number): string {
  const widths: number[] = [];
  const [header = [], ...body] = rows.map((row) => row.map(visibleLine));
  const all = [header, header.map((cell) => "-".repeat(cell.length)), ...body];
  for (const row of all) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return all
    .map(
      (row) =>
        `${" ".repeat(indent)}${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd((widths[at] ?? 0) + 2))).join("")}\n`,
    )
    .join("");
}

/** Labels or annotations, one a line. What apply keeps for itself is left out, as kubectl does. */
export function mapText(map: Readonly<Record<string, string>> | undefined): string {
  const shown = Object.entries(map ?? {}).filter(([key]) => key !== "kubectl.kubernetes.io/last-applied-configuration");
  return shown
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}
