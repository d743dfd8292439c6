const SHOWN = 3;

/** The first three, and how many more there are, as kubectl's tables have it. */
export function listWithMore(items: readonly string[], separator = ","): string {
  const text = items.slice(0, SHOWN).join(separator);
  return items.length > SHOWN ? `${text} + ${items.length - SHOWN} more...` : text;
}
