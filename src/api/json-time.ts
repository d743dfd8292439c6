const RFC3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** A time as upstream writes it back: UTC with seconds (`time`) or microseconds (`microtime`); undefined if it is none. */
export function canonicalTime(text: string, type: "time" | "microtime"): string | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, date = "", clock = "", fraction = "", zone = ""] = match;
  const ms = Date.parse(`${date}T${clock}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  const seconds = new Date(ms).toISOString().slice(0, 19);
  return type === "time" ? `${seconds}Z` : `${seconds}.${fraction.padEnd(6, "0").slice(0, 6)}Z`;
}
