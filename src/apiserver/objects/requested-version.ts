import { ApiError } from "../../api/api-error.ts";

const LARGEST = 2n ** 63n;

export function parseVersion(text: string): bigint {
  if (/^\d{1,19}$/.test(text) && BigInt(text) < LARGEST) return BigInt(text);
  throw new ApiError("BadRequest", `invalid resourceVersion ${JSON.stringify(text)}: must be a decimal below 2^63`);
}

/** Refuses to serve a read from a state that is older than the one that the client has seen; it is to try again. */
export function refuseFuture(wanted: string | undefined, current: string): void {
  if (wanted === undefined || wanted === "0" || parseVersion(wanted) <= BigInt(current)) return;
  const message = `Too large resource version: ${wanted}, current: ${current}`;
  throw new ApiError("Timeout", `Timeout: ${message}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
  });
}
