import type { Column, RowContext } from "./kind.ts";
import type { ObjectMeta } from "./kinds.ts";

const NAME_DESCRIPTION =
  "Unique within a namespace; names objects in URLs, is set by the creator (or made from generateName) and never changes.";

export const NAME: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: NAME_DESCRIPTION,
  priority: 0,
};

export const AGE = column("Age", "Time since the object was created.");

/** A column that is always shown. */
export function column(name: string, description: string, type: Column["type"] = "string"): Column {
  return { name, type, format: "", description, priority: 0 };
}

/** A column that only `-o wide` shows. */
export function wideColumn(name: string, description: string, type: Column["type"] = "string"): Column {
  return { name, type, format: "", description, priority: 1 };
}

export function ageCell(object: { readonly metadata?: ObjectMeta }, context: RowContext): string {
  return ageSince(object.metadata?.creationTimestamp, context);
}

/** `5m` since an RFC 3339 time; `<unknown>` without one. */
export function ageSince(time: string | undefined, context: RowContext): string {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? "<unknown>" : humanDuration(context.now - at);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in milliseconds as kubectl words it (apimachinery `duration.HumanDuration`): two units where they matter. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / SECOND);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(ms / MINUTE);
  if (minutes < 10) return two(minutes, "m", Math.trunc(ms / SECOND) % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(ms / HOUR);
  if (hours < 8) return two(hours, "h", Math.trunc(ms / MINUTE) % 60, "m");
  if (hours < 48) return `${hours}h`;
  if (hours < 24 * 8) return two(Math.trunc(hours / 24), "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24)}d`;
  const days = Math.trunc(ms / DAY);
  const years = Math.trunc(days / 365);
  if (hours < 24 * 365 * 8) return two(years, "y", days % 365, "d");
  return `${years}y`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
