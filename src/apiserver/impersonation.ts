import { ApiError } from "../api/api-error.ts";
import type { Requester } from "./admission/admission.ts";
import { isOwner } from "./endpoints/reviews.ts";

const AUTHENTICATED = "system:authenticated";
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):[^:]+$/;

/**
 * Whom a request is to be answered as: `kubectl --as` and `--as-group` (apiserver's user impersonation). Gives the
 * requester itself where nothing of that is asked for. Throws Forbidden, and BadRequest for headers without a user.
 */
export function impersonated(requester: Requester, headers: NodeJS.Dict<string[]>): Requester {
  const [name] = headers["impersonate-user"] ?? [];
  const groups = headers["impersonate-group"] ?? [];
  if (name === undefined || name === "") {
    const others = Object.keys(headers).filter((header) => header.startsWith("impersonate-"));
    if (others.length === 0) return requester;
    throw new ApiError("BadRequest", `requested ${others.join(", ")} without impersonating a user`);
  }
  if (!isOwner(requester)) {
    const who = JSON.stringify(requester.name);
    const why = `User ${who} cannot impersonate resource "users" in API group "" at the cluster scope`;
    throw new ApiError("Forbidden", `users ${JSON.stringify(name)} is forbidden: ${why}`, { name, kind: "users" });
  }
  const namespace = SERVICE_ACCOUNT.exec(name)?.[1];
  const own =
    groups.length === 0 && namespace !== undefined
      ? ["system:serviceaccounts", `system:serviceaccounts:${namespace}`]
      : groups;
  const known = name === "system:anonymous" ? "system:unauthenticated" : AUTHENTICATED;
  return { name, groups: own.includes(known) ? own : [...own, known] };
}
