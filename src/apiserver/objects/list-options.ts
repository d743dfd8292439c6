import { ApiError } from "../../api/api-error.ts";
import { forbidden, invalid, invalidObject } from "../../api/field-error.ts";

/** metav1.ListOptions, as the query of a list or watch gives them. */
export interface ListOptions {
  readonly limit: number;
  readonly continue: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly match: "Exact" | "NotOlderThan" | undefined;
  readonly watch: boolean;
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutSeconds: number | undefined;
}

export function listOptions(query: URLSearchParams): ListOptions {
  const options: ListOptions = {
    limit: integer(query, "limit") ?? 0,
    continue: text(query, "continue"),
    resourceVersion: text(query, "resourceVersion"),
    match: text(query, "resourceVersionMatch") as ListOptions["match"],
    watch: flag(query, "watch") ?? false,
    bookmarks: flag(query, "allowWatchBookmarks") ?? false,
    sendInitialEvents: flag(query, "sendInitialEvents"),
    timeoutSeconds: integer(query, "timeoutSeconds"),
  };
  const errors = options.watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) {
    throw invalidObject({ kind: "ListOptions", group: "meta.k8s.io", name: "" }, errors);
  }
  return options;
}

type FieldErrors = Parameters<typeof invalidObject>[1][number][];

function listErrors({ match, resourceVersion, continue: token, sendInitialEvents }: ListOptions): FieldErrors {
  const errors: FieldErrors = [];
  if (sendInitialEvents !== undefined) {
    errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  if (match === undefined) return errors;
  if (resourceVersion === undefined) {
    errors.push(
      forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    );
  }
  if (token !== undefined) {
    errors.push(forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"));
  }
  if (match !== "Exact" && match !== "NotOlderThan") {
    errors.push(invalid("resourceVersionMatch", match, "must be Exact or NotOlderThan"));
  }
  if (match === "Exact" && resourceVersion === "0") {
    errors.push(forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  return errors;
}

function watchErrors({ match, sendInitialEvents }: ListOptions): FieldErrors {
  if (sendInitialEvents === undefined && match !== undefined) {
    return [
      forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      ),
    ];
  }
  if (sendInitialEvents !== undefined && match !== "NotOlderThan") {
    return [
      forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
    ];
  }
  return [];
}

function text(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

/** As Go reads booleans in queries: anything but these words is false. */
export function flag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  return value === "" || value === "1" || value.toLowerCase() === "true";
}

export function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === "") return undefined;
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new ApiError("BadRequest", `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
}
