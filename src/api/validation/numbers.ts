import { invalid } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";

export function nonNegative(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(field, value, "must be greater than or equal to 0")] : [];
}

export function positive(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value <= 0 ? [invalid(field, value, "must be greater than zero")] : [];
}

export function portNumber(value: number | undefined, field: string): FieldError[] {
  return value === undefined || value < 1 || value > 65535
    ? [invalid(field, value ?? 0, "must be between 1 and 65535, inclusive")]
    : [];
}

/** A count, or a percentage such as `25%`. */
export function countOrPercent(value: number | string | undefined, field: string): FieldError[] {
  if (typeof value === "number") return nonNegative(value, field);
  if (value === undefined || /^[0-9]+%$/.test(value)) return [];
  const rule = "a valid percent string must be a numeric string followed by an ending '%'";
  return [invalid(field, value, `${rule} (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`)];
}

export function percentAtMost100(value: number | string | undefined, field: string): FieldError[] {
  const percent = typeof value === "string" ? /^([0-9]+)%$/.exec(value)?.[1] : undefined;
  return percent !== undefined && Number(percent) > 100 ? [invalid(field, value, "must not be greater than 100%")] : [];
}
