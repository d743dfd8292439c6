/** More than anyone reads; each path costs as much as it is long. */
const MOST_FOUND = 100;

/**
 * Paths of fields that stand more than once in one JSON object, as strict field validation names them. The text must be
 * valid JSON and not nested without bound. One pass over the text, without building anything but the open objects' key sets.
 */
export function duplicateKeys(text: string): readonly string[] {
  const found: string[] = [];
  const open: Frame[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    const top = open.at(-1);
    if (char === '"') {
      const end = stringEnd(text, at);
      if (top?.keys && top.expectsKey) noteKey(open, JSON.parse(text.slice(at, end)) as string, found);
      at = end;
      continue;
    }
    if (char === "{") open.push({ keys: new Set(), expectsKey: true, step: "" });
    else if (char === "[") open.push({ keys: undefined, expectsKey: false, step: 0 });
    else if (char === "}" || char === "]") open.pop();
    else if (char === "," && top) {
      if (typeof top.step === "number") top.step += 1;
      top.expectsKey = top.keys !== undefined;
    }
    at += 1;
  }
  return found;
}

interface Frame {
  /** Undefined for a list. */
  readonly keys: Set<string> | undefined;
  expectsKey: boolean;
  /** Where in this object or list the reader is. */
  step: string | number;
}

function noteKey(open: readonly Frame[], key: string, found: string[]): void {
  const top = open.at(-1);
  if (!top?.keys) return;
  top.step = key;
  top.expectsKey = false;
  if (top.keys.has(key) && found.length < MOST_FOUND) found.push(pathOf(open));
  top.keys.add(key);
}

function pathOf(open: readonly Frame[]): string {
  return open
    .map(({ step }) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("")
    .slice(1);
}

/** The index after the string that starts at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
