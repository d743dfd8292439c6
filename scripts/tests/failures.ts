/** A test that failed: its name, its file where that is known, and the first line of why. */
export interface Failure {
  readonly name: string;
  readonly file?: string;
  readonly why: string;
}

const DURATION = / \(\d+(?:\.\d+)?m?s\)$/u;
const WHY_LENGTH = 300;

/** What failed in a stage, as its output tells it: at the end of Node's test runner, or in lines "not ok NAME (N s)". */
export function failuresIn(output: string): Failure[] {
  const lines = output.split("\n");
  return [...ofTestRunner(lines), ...ofRows(lines)];
}

function ofTestRunner(lines: readonly string[]): Failure[] {
  const start = lines.findLastIndex((line) => line === "✖ failing tests:");
  if (start < 0) return [];
  const found: Failure[] = [];
  for (let at = start + 1; at < lines.length; at += 1) {
    const name = lines[at]?.startsWith("✖ ") ? lines[at]?.slice(2).replace(DURATION, "") : undefined;
    if (name === undefined) continue;
    const file = /^test at (\S+?):/u.exec(lines[at - 1] ?? "")?.[1];
    found.push({ name, ...(file === undefined ? {} : { file }), why: whyAt(lines, at + 1) });
  }
  return found;
}

function ofRows(lines: readonly string[]): Failure[] {
  return lines.flatMap((line, at) => {
    const name = /^not ok (.+?) \(\d+(?:\.\d+)? s\)$/u.exec(line)?.[1];
    return name === undefined ? [] : [{ name, why: whyAt(lines, at + 1) }];
  });
}

/** Indented lines follow the name. */
function whyAt(lines: readonly string[], at: number): string {
  const line = lines[at] ?? "";
  return line.startsWith(" ") ? line.trim().slice(0, WHY_LENGTH) : "";
}
