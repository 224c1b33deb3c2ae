"""What time is it in the emulator? The real clock, moved ahead; and times as the API reads and writes them."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Final

LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""As far as the clock moves: what ends later than that still has a date in Python."""
_LEAP_SECOND: Final = ":60"


def format_time(moment: datetime) -> str:
    """A moment as the API writes it. Texts of this form sort as the moments do."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def parse_time(text: str) -> datetime:
    """The moment that a text names; without a zone, UTC. A leap second is the second after it.

    Raises:
        ValueError: there is no such moment, or it is out of reach: before the year 1 or from 9000 on.
    """
    text = text.upper()
    leap = text[16:19] == _LEAP_SECOND
    try:
        found = datetime.fromisoformat(text[:16] + ":59" + text[19:] if leap else text)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no date-time: {error}") from None
    if leap:
        found += timedelta(seconds=1)
    if found >= LATEST:
        raise ValueError(f"{text!r} is too late: years up to {LATEST.year - 1} are possible")
    return found


class Clock:
    """The real clock, and as far ahead as it was moved."""

    def __init__(self) -> None:
        self.offset: float = 0.0
        """Seconds by which it is ahead."""

    def timestamp(self) -> float:
        """Unix seconds."""
        return time.time() + self.offset

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def offset_after(self, seconds: float) -> float:
        """The offset that a move by so many seconds would make; nothing is moved.

        Raises:
            ValueError: it would move back, nowhere, or beyond the year 8999.
        """
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"the clock moves ahead only, by a finite number of seconds; got {seconds!r}")
        if self.timestamp() + seconds >= LATEST.timestamp():
            raise ValueError(f"the clock moves no further than the year {LATEST.year - 1}; got {seconds!r} seconds")
        return self.offset + seconds
