"""How many requests may a key make? A token bucket for each API key, on the emulator's clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kraty_server.testing.emulator.clock import Clock
from kraty_server.testing.emulator.errors import ApiError

SLOWEST: Final = 1e-6
"""Requests per second: what is less comes after the end of any test."""
EXACT: Final = 1e-4
"""Seconds of which a float holds the times of all years that the clock reaches."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests each API key may make.

    Args:
        per_second: requests per second in the long run.
        burst: requests at once after a pause; without it those of one second, and at least 1.

    Raises:
        ValueError: a value out of range.
    """

    per_second: float
    burst: int | None = None

    def __post_init__(self) -> None:
        """Refuse what limits nothing or everything."""
        if isinstance(self.per_second, bool) or not SLOWEST <= self.per_second < math.inf:
            raise ValueError(f"per_second: a finite number from {SLOWEST:f} on, got {self.per_second!r}")
        if self.burst is not None and (type(self.burst) is not int or self.burst < 1):
            raise ValueError(f"burst: a whole number from 1 on, got {self.burst!r}")

    @property
    def size(self) -> int:
        """Tokens in a full bucket."""
        return self.burst or max(1, math.floor(self.per_second))


class RateLimiter:
    """Counts the requests of each key, and refuses those above the limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limit: RateLimit | None = None
        self._buckets: dict[str, tuple[float, float]] = {}
        """The tokens of a key that was used, and when they were counted, in unix seconds."""

    @property
    def limit(self) -> RateLimit | None:
        """The limit, or None; all buckets are full when it is set."""
        return self._limit

    @limit.setter
    def limit(self, limit: RateLimit | None) -> None:
        self._limit = limit
        self.refill()

    def refill(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()

    def take(self, key: str) -> None:
        """Take a token from the bucket of a key.

        Raises:
            ApiError: 429 with Retry-After; there is none.
        """
        if self._limit is None:
            return
        now, rate = self._clock.timestamp(), self._limit.per_second
        tokens, at = self._buckets.get(key, (self._limit.size, now))
        tokens = min(self._limit.size, tokens + max(0.0, now - at) * rate)  # the machine's clock may be set back
        self._buckets[key] = tokens, now
        if (wait := (1 - tokens) / rate) > EXACT:
            seconds = str(math.ceil(wait - EXACT))
            message = f"more than {rate:g} requests per second; wait {seconds} s"
            raise ApiError(429, "rate_limited", message, headers={"retry-after": seconds})
        self._buckets[key] = tokens - 1, now
