import { ApiError } from "../api/api-error.ts";
import { describeError } from "../lib/log.ts";
import { details } from "./decide-write.ts";
import type { Key } from "./port.ts";

export function tooOld(since: string, horizon?: string): ApiError {
  return new ApiError("Expired", `too old resource version: ${since}${horizon === undefined ? "" : ` (${horizon})`}`);
}

export function unavailable(key: Key, error: unknown): ApiError {
  const message = `Cannot write ${key.resource} "${key.name}": ${describeError(error)}`;
  return new ApiError("ServiceUnavailable", message, { ...details(key), retryAfterSeconds: 1 }, { cause: error });
}
