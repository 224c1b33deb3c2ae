export type KratyServerErrorCode = "unauthenticated" | "session_invalid" | "forbidden" | "not_found" | "validation_failed" | "conflict" | "rate_limited" | "internal_error" | "tenant_mismatch" | "idempotency_conflict" | "event_disabled" | "invalid_metric";
export declare class KratyServerError extends Error {
  readonly status: number;
  readonly code: KratyServerErrorCode | string;
  readonly details?: unknown;
  is(code: KratyServerErrorCode | string): boolean;
  get isUnauthenticated(): boolean;
  get isSessionInvalid(): boolean;
  get isForbidden(): boolean;
  get isNotFound(): boolean;
  get isValidationFailed(): boolean;
  get isConflict(): boolean;
  get isRateLimited(): boolean;
  get isInternalError(): boolean;
  get isTenantMismatch(): boolean;
  get isIdempotencyConflict(): boolean;
  get isEventDisabled(): boolean;
  get isInvalidMetric(): boolean;
}
export declare class KratyNetworkError extends Error {
  readonly originalCause?: unknown;
  constructor(message: string, originalCause?: unknown);
}
