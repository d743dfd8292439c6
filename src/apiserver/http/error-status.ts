import { ApiError } from "../../api/api-error.ts";
import { describeError, type Logger } from "../../lib/log.ts";

/** Whatever was thrown, as the error that the client sees. What nobody foresaw is logged and told without its inside. */
export function toApiError(error: unknown, log: Logger): ApiError {
  if (error instanceof ApiError) return error;
  log.error("request failed", { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  const message = `Internal error occurred: ${describeError(error)}`;
  const cause = { message: describeError(error) };
  return new ApiError("InternalError", message, { causes: [cause] }, { cause: error });
}
