import { ApiError } from "./api-error.ts";
import type { StatusCause } from "./kinds.ts";

/** Upstream's field error types (apimachinery `pkg/util/validation/field`), as they appear in a Status' causes. */
export type FieldErrorReason =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueNotFound"
  | "FieldValueTooLong"
  | "FieldValueTypeInvalid";

/** One thing that is wrong with one field. `message` is upstream's sentence without the path. */
export interface FieldError {
  readonly field: string;
  readonly reason: FieldErrorReason;
  readonly message: string;
}

export function required(field: string, detail = ""): FieldError {
  return { field, reason: "FieldValueRequired", message: join("Required value", detail) };
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { field, reason: "FieldValueInvalid", message: join(`Invalid value: ${show(value)}`, detail) };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = [...supported]
    .sort()
    .map((item) => JSON.stringify(item))
    .join(", ");
  return {
    field,
    reason: "FieldValueNotSupported",
    message: join(`Unsupported value: ${show(value)}`, list === "" ? "" : `supported values: ${list}`),
  };
}

export function duplicate(field: string, value: unknown): FieldError {
  return { field, reason: "FieldValueDuplicate", message: `Duplicate value: ${show(value)}` };
}

export function forbidden(field: string, detail: string): FieldError {
  return { field, reason: "FieldValueForbidden", message: join("Forbidden", detail) };
}

export function notFound(field: string, value: unknown): FieldError {
  return { field, reason: "FieldValueNotFound", message: `Not found: ${show(value)}` };
}

export function tooLong(field: string, maximum: number): FieldError {
  return {
    field,
    reason: "FieldValueTooLong",
    message: `Too long: may not be more than ${maximum} bytes`,
  };
}

/** The answer for an object that fails validation: 422 with one cause for each field, worded as upstream does. */
export function invalidObject(
  object: { readonly kind: string; readonly group: string; readonly name: string },
  errors: readonly FieldError[],
): ApiError {
  const sentences = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const qualified = object.group === "" ? object.kind : `${object.kind}.${object.group}`;
  const list = sentences.length === 1 ? sentences[0] : `[${sentences.join(", ")}]`;
  const causes: StatusCause[] = errors.map(({ field, reason, message }) => ({ reason, message, field }));
  return new ApiError("Invalid", `${qualified} ${JSON.stringify(object.name)} is invalid: ${list}`, {
    name: object.name,
    ...(object.group === "" ? {} : { group: object.group }),
    kind: object.kind,
    causes,
  });
}

function join(head: string, detail: string): string {
  return detail === "" ? head : `${head}: ${detail}`;
}

/** A value that upstream's errors print as Go source. */
export class GoValue {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A map of strings as Go's `%#v` prints it. */
export function goStringMap(map: Readonly<Record<string, string>> | undefined): GoValue {
  if (map === undefined) return new GoValue("map[string]string(nil)");
  const pairs = Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return new GoValue(`map[string]string{${pairs.join(", ")}}`);
}

/** Strings are quoted, everything else is JSON. */
function show(value: unknown): string {
  if (value instanceof GoValue) return value.text;
  return value === undefined ? "null" : JSON.stringify(value);
}
