"""How much may be under way? The window: rate limits, Retry-After, back-off. Pure; it is told the time.

Additive increase, multiplicative decrease, as TCP does: it widens with each answer, and halves once for all chunks that
were under way together when the server refused one of them. A job has one, so that all its workers share one limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

START: Final = 2.0
DEFAULT_WAIT: Final = 1.0
"""Seconds to wait after a 429 that does not say how long."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
"""Seconds of the pause after a lost answer or a 5xx; doubled from one to the other while nothing succeeds."""


class Pace:
    """Admits chunks.

    Args:
        most: chunks under way at once.
        rate: requests a second; None where only the server's answers decide.
        clock: seconds that never go back.
    """

    def __init__(self, most: int, rate: float | None, clock: Callable[[], float]) -> None:
        self.most = most
        self.rate = rate
        self.window: float = min(START, most)
        self.answered: int = 0
        """Chunks that were answered so far."""
        self._clock = clock
        self._paused_until = clock()
        self._free_at = clock()
        self._cut_at = clock() - 1.0
        self._slow_start = True
        self.in_a_row: int = 0
        """Rounds of lost answers since the last success."""

    def succeeded(self) -> None:
        """A chunk was answered."""
        self.answered += 1
        self.in_a_row = 0
        self.window = min(self.most, self.window + (1.0 if self._slow_start else 1.0 / self.window))

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """The server asked to wait (429): everybody does, for as long as it said."""
        self._halve(sent_at, DEFAULT_WAIT if retry_after is None else retry_after)

    def failed(self, sent_at: float) -> None:
        """An answer was lost, or the server failed (5xx)."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self.in_a_row, 10))
        if self._halve(sent_at, pause):
            self.in_a_row += 1

    def _halve(self, sent_at: float, pause: float) -> bool:
        now = self._clock()
        self._paused_until = max(self._paused_until, now + pause)
        first_of_round = sent_at > self._cut_at
        if first_of_round:
            self.window, self._cut_at, self._slow_start = max(1.0, self.window / 2), now, False
        return first_of_round

    def sent(self, calls: int) -> None:
        """So many calls are made for a chunk that was handed out."""
        if self.rate is not None:
            self._free_at = max(self._free_at, self._clock()) + calls / self.rate

    def wait(self) -> float:
        """Seconds until something may be handed out; 0 for now."""
        return max(0.0, max(self._paused_until, self._free_at) - self._clock())

    def admits(self, under_way: int) -> bool:
        """Tell whether one more chunk may be handed out now, with so many under way."""
        return under_way < int(self.window) and self.wait() == 0.0
