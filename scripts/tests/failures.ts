/** A test that failed: its name, its file where that is known, and why. */
export interface Failure {
  readonly name: string;
  readonly file?: string;
  /** The first line of the message and its last ones: what a program said that did not start ends with the reason. */
  readonly why: readonly string[];
}

const DURATION = / \(\d+(?:\.\d+)?m?s\)$/u;
const LINE_LENGTH = 300;
const LAST_LINES = 6;

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

/** Indented lines follow the name: the message, then the stack or more of the error. */
function whyAt(lines: readonly string[], at: number): string[] {
  const after = lines.slice(at).findIndex((line) => !line.startsWith(" ") || /^ +(at .*:\d|\[cause\]:)/u.test(line));
  const message = after < 0 ? lines.slice(at) : lines.slice(at, at + after);
  const [first, ...more] = message.map((line) => line.trim().slice(0, LINE_LENGTH)).filter((line) => line !== "");
  return first === undefined ? [] : [first, ...more.slice(-LAST_LINES)];
}
