import type { IncomingMessage } from "node:http";
import { ApiError } from "../../api/api-error.ts";

/** Upstream's limit of a request body, in bytes (apiserver `MaxRequestBodyBytes`). */
export const BODY_LIMIT = 3 * 1024 * 1024;

/** The whole body. Throws RequestEntityTooLarge, or the signal's reason. */
export async function readBody(request: IncomingMessage, signal: AbortSignal, limit = BODY_LIMIT): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size);
}

function tooLarge(limit: number): ApiError {
  return new ApiError("RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);
}
