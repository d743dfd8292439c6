import { ApiError, type ApiErrorDetails } from "../../api/api-error.ts";
import type { KindDeclaration } from "../../api/kind.ts";

/** The refusals that name an object, worded as upstream does (apimachinery `pkg/api/errors`): clients match on them. */

export function objectDetails(kind: KindDeclaration, name: string, uid?: string): ApiErrorDetails {
  return {
    name,
    ...(kind.group === "" ? {} : { group: kind.group }),
    kind: kind.plural,
    ...(uid === undefined ? {} : { uid }),
  };
}

function called(kind: KindDeclaration, name: string): string {
  return `${kind.resource} ${JSON.stringify(name)}`;
}

export function notFound(kind: KindDeclaration, name: string): ApiError {
  return new ApiError("NotFound", `${called(kind, name)} not found`, objectDetails(kind, name));
}

export function alreadyExists(kind: KindDeclaration, name: string): ApiError {
  return new ApiError("AlreadyExists", `${called(kind, name)} already exists`, objectDetails(kind, name));
}

export function conflict(kind: KindDeclaration, name: string, why: string, options?: ErrorOptions): ApiError {
  const message = `Operation cannot be fulfilled on ${called(kind, name)}: ${why}`;
  return new ApiError("Conflict", message, objectDetails(kind, name), options);
}

export function modified(kind: KindDeclaration, name: string, options?: ErrorOptions): ApiError {
  const why = "the object has been modified; please apply your changes to the latest version and try again";
  return conflict(kind, name, why, options);
}

export function forbidden(kind: KindDeclaration, name: string, why: string): ApiError {
  return new ApiError("Forbidden", `${called(kind, name)} is forbidden: ${why}`, objectDetails(kind, name));
}
