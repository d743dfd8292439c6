/** A text that must occur, or `/a regular expression/flags`. */
export type TextPattern = string;

/** Whether the text has what the pattern asks for. */
export function matchesText(text: string, pattern: TextPattern): boolean {
  return asRegex(pattern)?.test(text) ?? text.includes(pattern);
}

function asRegex(pattern: TextPattern): RegExp | undefined {
  const parts = /^\/(.*)\/([a-z]*)$/su.exec(pattern);
  return parts ? new RegExp(parts[1] ?? "", parts[2]) : undefined;
}

/**
 * Where `actual` is not as `like` describes, as "PATH: WHY", or undefined. Objects must have at least the fields
 * given, with null for a field that must be missing; lists must have exactly the items given; a text between slashes
 * is a regular expression, also for numbers.
 */
export function difference(actual: unknown, like: unknown, path = "it"): string | undefined {
  if (like === null)
    return actual === undefined || actual === null ? undefined : `${path}: is ${shown(actual)}, not missing`;
  if (Array.isArray(like)) return listDifference(actual, like, path);
  if (typeof like === "object") {
    if (typeof actual !== "object" || actual === null) return `${path}: is ${shown(actual)}, no object`;
    const fields = actual as Record<string, unknown>;
    return first(Object.entries(like as object), ([name, value]) => difference(fields[name], value, `${path}.${name}`));
  }
  const regex = typeof like === "string" ? asRegex(like) : undefined;
  const scalar = typeof actual === "string" || typeof actual === "number" ? String(actual) : undefined;
  const same = regex && scalar !== undefined ? regex.test(scalar) : actual === like;
  return same ? undefined : `${path}: is ${shown(actual)}, not ${shown(like)}`;
}

function listDifference(actual: unknown, like: unknown[], path: string): string | undefined {
  if (!Array.isArray(actual)) return `${path}: is ${shown(actual)}, no list`;
  if (actual.length !== like.length) return `${path}: has ${actual.length} items, not ${like.length}: ${shown(actual)}`;
  return first([...like.entries()], ([index, item]) => difference(actual[index], item, `${path}[${index}]`));
}

function first<T>(items: T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = check(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
