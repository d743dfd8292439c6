/** Between two columns. */
const PADDING = 2;

/**
 * Turns tabs into columns as kubectl's do (the rules of Go's text/tabwriter): a cell ends with a tab, and neighbouring
 * lines that have a cell at the same place share its width. What follows a line's last tab is in no column.
 */
export function alignTabs(text: string): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const out: string[] = [];
  place(lines, { from: 0, to: lines.length, widths: [], out });
  return out.join("\n");
}

interface Block {
  readonly from: number;
  readonly to: number;
  /** Of the columns to the left of the one that is looked at. */
  readonly widths: readonly number[];
  readonly out: string[];
}

function place(lines: readonly (readonly string[])[], { from, to, widths, out }: Block): void {
  const column = widths.length;
  const hasCell = (at: number): boolean => column < (lines[at] ?? []).length - 1;
  let at = from;
  while (at < to) {
    if (!hasCell(at)) {
      out.push(padded(lines[at] ?? [], widths));
      at += 1;
      continue;
    }
    let end = at;
    let width = 0;
    for (; end < to && hasCell(end); end += 1) width = Math.max(width, widthOf(lines[end]?.[column] ?? ""));
    place(lines, { from: at, to: end, widths: [...widths, width + PADDING], out });
    at = end;
  }
}

function padded(cells: readonly string[], widths: readonly number[]): string {
  return cells.map((cell, at) => cell + " ".repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)))).join("");
}

/** In code points, as Go counts. */
function widthOf(text: string): number {
  return Array.from(text).length;
}
