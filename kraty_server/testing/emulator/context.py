"""Who asks, when, and in which world? The context of a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kraty_server.testing.emulator.clock import format_time
from kraty_server.testing.emulator.state import State


@dataclass(slots=True)
class RequestContext:
    """One request (or one line of a seed, or something that fell due) at work on the state."""

    state: State
    now: datetime
    world: int
    """One game in one environment: test and live share no players."""
    game: str
    studio: str
    environment: str
    origin: str
    operation: str
    silent: bool = False
    """Whether webhooks are suppressed."""
    idempotency_key: str | None = None
    row_keys_kept: timedelta | None = None
    """How long the keys of migrated rows are remembered; None for ever."""
    at: str = ""
    """Now, as the API writes it."""

    def __post_init__(self) -> None:
        """Write the time down once, unless that was done."""
        self.at = self.at or format_time(self.now)

    def after(self, seconds: float) -> str:
        """So many seconds from now, as the API writes it."""
        return format_time(self.now + timedelta(seconds=seconds))
