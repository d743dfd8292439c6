/** JSON as Go's encoder and with it kubectl writes it: keys in order, and what HTML would read as markup escaped. */
export function goJson(value: unknown, indent = 0): string {
  return JSON.stringify(sortedKeys(value), null, indent).replace(/[<>&\u2028\u2029]/g, escaped);
}

/** A copy with the keys of all objects in order, as every map of Go's is printed. */
export function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, sortedKeys(inner)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
