"""Try again? A pure decision: no clock, no sleep, no I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What is retried unless a `RetryConfig` says otherwise."""
RETRY_AFTER_STATUSES = frozenset({429, 503})
"""Where Retry-After is honoured."""


def _real(name: str, value: float, low: float, high: float = math.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: a number is needed, got {type(value).__name__}")
    if not low <= value <= high or math.isinf(value):
        raise ValueError(f"{name}: must be between {low} and {high}, got {value}")


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """How often and how patiently a call is tried.

    Args:
        attempts: requests in all, at least 1; 1 means no retry.
        initial_delay: seconds before the second attempt; doubled for each further one.
        max_delay: no delay of ours is longer, jitter included.
        jitter: share of a delay by which it varies either way, 0 to 1.
        max_retry_after: a longer Retry-After is not waited for; the call gives up at once.
        statuses: what is retried. 409 cannot be: it is an answer, not a failure.
    """

    attempts: int = 4
    initial_delay: float = 0.2
    max_delay: float = 10.0
    jitter: float = 0.2
    max_retry_after: float = 60.0
    statuses: frozenset[int] = RETRYABLE_STATUSES

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int):
            raise TypeError(f"attempts: an integer is needed, got {type(self.attempts).__name__}")
        if self.attempts < 1:
            raise ValueError(f"attempts: at least 1 is needed, got {self.attempts}")
        _real("initial_delay", self.initial_delay, 0)
        _real("max_delay", self.max_delay, 0)
        _real("jitter", self.jitter, 0, 1)
        _real("max_retry_after", self.max_retry_after, 0)
        statuses = frozenset(self.statuses)
        for status in statuses:
            if isinstance(status, bool) or not isinstance(status, int):
                raise TypeError(f"statuses: integers are needed, got {type(status).__name__}")
            if not 400 <= status <= 599 or status == 409:
                raise ValueError(f"statuses: {status} is no status that a retry can change")
        object.__setattr__(self, "statuses", statuses)

    def delay(self, attempt: int, random_fraction: float) -> float:
        """Seconds to wait after this attempt, counted from 1; `random_fraction` is between 0 and 1."""
        plain = min(self.max_delay, self.initial_delay * 2.0 ** min(attempt - 1, 1000))
        return min(self.max_delay, plain * (1 + self.jitter * (2 * random_fraction - 1)))

    def wait(self, attempt: int, *, left: float, retry_after: float | None, random_fraction: float) -> float | None:
        """Seconds to wait before the next attempt; None to give up.

        Args:
            attempt: the attempt that failed, counted from 1.
            left: seconds until the deadline.
            retry_after: seconds that the server asked for. They are waited for in full or not at all.
            random_fraction: between 0 and 1, for the jitter.
        """
        if attempt >= self.attempts:
            return None
        seconds = retry_after or self.delay(attempt, random_fraction)  # 0 asks for no wait, but all would come at once
        if seconds >= left or (retry_after is not None and retry_after > self.max_retry_after):
            return None
        return seconds


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Read Retry-After: seconds, or an HTTP date seen from `now` (unix seconds). None where it is neither."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)
