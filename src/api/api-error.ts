import type { Status, StatusCause } from "./kinds.ts";

/** Upstream's status reasons (apimachinery `metav1.StatusReason`) with their HTTP codes. */
export const REASON_CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  ServerTimeout: 500,
  Timeout: 504,
} as const;

export type StatusReason = keyof typeof REASON_CODES;

export interface ApiErrorDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural resource, or the kind for validation errors, as upstream does. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** An error that a client sees as a Kubernetes Status. The one place where errors get their codes. */
export class ApiError extends Error {
  readonly reason: StatusReason;
  readonly details: ApiErrorDetails;

  constructor(reason: StatusReason, message: string, details: ApiErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = "ApiError";
    this.reason = reason;
    this.details = details;
  }

  get code(): number {
    return REASON_CODES[this.reason];
  }

  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(Object.keys(this.details).length > 0
        ? { details: { ...this.details } as NonNullable<Status["details"]> }
        : {}),
      code: this.code,
    };
  }
}

export function isReason(error: unknown, reason: StatusReason): error is ApiError {
  return error instanceof ApiError && error.reason === reason;
}

/** Cause of a refusal to create something in a namespace that is being deleted (core/v1 `NamespaceTerminatingCause`). */
export const NAMESPACE_TERMINATING = "NamespaceTerminating";

/** Nothing can be made there any more: who wanted to has nothing left to do, and trying again helps nobody. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!isReason(error, "Forbidden")) return false;
  return error.details.causes?.some(({ reason }) => reason === NAMESPACE_TERMINATING) ?? false;
}
