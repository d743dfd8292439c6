import { ApiError } from "../../api/api-error.ts";
import type { SubresourceHandler } from "./subresource.ts";

/** A subresource that is known and not served yet: says so instead of looking broken. */
export function notYet(what: string): SubresourceHandler {
  return () =>
    Promise.reject(new ApiError("MethodNotAllowed", `${what} is not served by this version of Podman Swarm`));
}
