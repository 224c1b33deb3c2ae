"""What can go wrong? One tree of errors; a class names its wire code, and the map is built from the classes."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, overload

Outcome: TypeAlias = Literal["not_applied", "unknown", "applied"]
"""Whether this call took effect: the server said no or was never reached; the answer was lost; it said yes."""
Decision: TypeAlias = Literal["repeat", "fix", "refuse"]
"""What a worker does after an error: `KratyError.decision`."""

SETUP_CODES: Final = frozenset({"unauthenticated", "session_invalid", "forbidden", "tenant_mismatch"})
"""Codes that speak of our key, not of the request: with another key the same request may be taken."""
SETUP_STATUSES: Final = frozenset({401, 402, 403})
"""The same of a code that is newer than this SDK."""


class KratyError(Exception):
    """Root of everything this SDK raises about a call, or about a client that cannot make one.

    `ValueError` and `TypeError` stay what they are: an argument was refused and nothing was sent.
    """

    outcome: Outcome = "unknown"
    """Whether this call took effect. After `unknown`, make the same call with the same key again.

    `not_applied` speaks of this call with its attempts: an earlier call with the same key may have taken effect. An
    error that you make yourself, or that a task queue rebuilt from its arguments, is `unknown`.
    """
    operation: str | None = None
    """The call, as in `wallet.credit`."""
    idempotency_key: str | None = None
    """The key that went out with every attempt."""
    attempts: int = 0
    """How many requests were sent."""
    request_id: str | None = None
    """The server's name for the last request, if it gave one."""
    retry_after: float | None = None
    """Seconds that the server asked to wait."""
    is_retryable: bool = False
    """Whether the same call, with the same key, may succeed later."""

    @property
    def decision(self) -> Decision:
        """Tell a worker what to do with its task; docs/workers.md lists it for every code and cause.

        `repeat`: make the same call with the same key later. `fix`: the set-up is broken (the key, the address); keep
        the task, tell somebody once, try again when it is fixed. `refuse`: this request will never be taken; a person
        must look at it.
        """
        refused = self.outcome == "not_applied" and not self.is_retryable
        if not isinstance(self, KratyServerError):
            return "fix" if refused and isinstance(self, KratyNetworkError) else "repeat"
        if self.is_idempotency_conflict:
            return "refuse"
        not_of_kraty = self.status < 400 and self.outcome != "applied"
        if self.code in SETUP_CODES or not_of_kraty:
            return "fix"  # whatever an earlier attempt left open: the task is kept
        if not refused:
            return "repeat"
        newer = self.code not in BY_CODE and self.status in SETUP_STATUSES
        return "fix" if self.is_internal_error or newer else "refuse"


class KratyClosedError(KratyError):
    """The client was closed, before the call or while it was under way."""


class KratyNetworkError(KratyError):
    """No answer: the connection could not be made, or broke."""

    original_cause: BaseException | None
    """The error of the HTTP client, without its request and traceback."""

    def __init__(self, message: str, original_cause: BaseException | None = None) -> None:
        super().__init__(message)  # the cause is no argument: not every queue that takes text takes errors
        self.original_cause = original_cause


class KratyTimeoutError(KratyNetworkError):
    """No answer in time: an attempt's `timeout`, or the `deadline` of the whole call, has passed."""


class IsCode:
    """`is_not_found` is true when the code is `not_found`."""

    code: str

    def __set_name__(self, owner: type[KratyServerError], name: str) -> None:
        self.code = name.removeprefix("is_")

    @overload
    def __get__(self, error: None, owner: type[KratyServerError]) -> IsCode: ...
    @overload
    def __get__(self, error: KratyServerError, owner: type[KratyServerError]) -> bool: ...
    def __get__(self, error: KratyServerError | None, owner: type[KratyServerError]) -> IsCode | bool:
        return self if error is None else error.code == self.code


class KratyServerError(KratyError):
    """The server answered with an error, or with a 2xx that could not be read.

    `str()` reads `[409] idempotency_conflict: …`. Catch a subclass for one code, or ask `is_code`.
    """

    code: str = ""
    """The wire code; `internal_error` where the server sent none."""
    status: int
    """The HTTP status."""
    message: str
    """The server's text for people."""
    details: Any
    """What the server added, or None; the fields for `validation_failed`."""

    is_unauthenticated: IsCode = IsCode()
    is_session_invalid: IsCode = IsCode()
    is_forbidden: IsCode = IsCode()
    is_tenant_mismatch: IsCode = IsCode()
    is_player_banned: IsCode = IsCode()
    is_not_found: IsCode = IsCode()
    is_validation_failed: IsCode = IsCode()
    is_invalid_metric: IsCode = IsCode()
    is_score_not_supported: IsCode = IsCode()
    is_conflict: IsCode = IsCode()
    is_idempotency_conflict: IsCode = IsCode()
    is_event_disabled: IsCode = IsCode()
    is_attempt_finished: IsCode = IsCode()
    is_no_active_window: IsCode = IsCode()
    is_no_leaderboard: IsCode = IsCode()
    is_anti_cheat_rejected: IsCode = IsCode()
    is_rate_limited: IsCode = IsCode()
    is_internal_error: IsCode = IsCode()

    def __init__(self, status: int, code: str, message: str, details: Any = None) -> None:
        super().__init__(status, code, message, details)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return f"[{self.status}] {self.code}: {self.message}"

    def is_code(self, code: str) -> bool:
        """Tell whether the server sent this code; for codes newer than this SDK."""
        return self.code == code


class UnauthenticatedError(KratyServerError):
    """401: no key was sent."""

    code = "unauthenticated"


class SessionInvalidError(KratyServerError):
    """401: the key is malformed, unknown or revoked."""

    code = "session_invalid"


class ForbiddenError(KratyServerError):
    """403: the key's permission set, studio or game does not fit the route."""

    code = "forbidden"


class TenantMismatchError(KratyServerError):
    """403: the row belongs to another studio."""

    code = "tenant_mismatch"


class PlayerBannedError(KratyServerError):
    """403: the player is banned, and the route is closed to banned players."""

    code = "player_banned"


class NotFoundError(KratyServerError):
    """404: no such player, grant, item, currency, lobby, board, event or attempt."""

    code = "not_found"


class ValidationFailedError(KratyServerError):
    """400: the body does not fit; `details` names the fields."""

    code = "validation_failed"


class InvalidMetricError(KratyServerError):
    """400: an unknown metric, item or currency key."""

    code = "invalid_metric"


class ScoreNotSupportedError(KratyServerError):
    """400: the board ranks by progression and takes no raw score."""

    code = "score_not_supported"


class ConflictError(KratyServerError):
    """409, on merge 422: not enough left, another lobby mode, or a merge that cannot be."""

    code = "conflict"


class IdempotencyConflictError(KratyServerError):
    """409: the key was used before, with another body. Never retried: look at it."""

    code = "idempotency_conflict"


class EventDisabledError(KratyServerError):
    """409: the event is switched off."""

    code = "event_disabled"


class AttemptFinishedError(KratyServerError):
    """409: the attempt is over."""

    code = "attempt_finished"


class NoActiveWindowError(KratyServerError):
    """409: the event is between two windows."""

    code = "no_active_window"


class NoLeaderboardError(KratyServerError):
    """503: no board could be had just now."""

    code = "no_leaderboard"


class AntiCheatRejectedError(KratyServerError):
    """The anti-cheat check refused the write and undid it."""

    code = "anti_cheat_rejected"


class RateLimitedError(KratyServerError):
    """429: too many requests for this key; `retry_after` says how long to wait."""

    code = "rate_limited"


class InternalServerError(KratyServerError):
    """The server failed, or what answered was no Kraty server (no error envelope, no JSON)."""

    code = "internal_error"


BY_CODE: dict[str, type[KratyServerError]] = {kind.code: kind for kind in KratyServerError.__subclasses__()}


def server_error(status: int, code: str, message: str, details: Any = None) -> KratyServerError:
    """Make the error of the class that names this code."""
    return BY_CODE.get(code, KratyServerError)(status, code, message, details)
