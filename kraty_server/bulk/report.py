"""What did a run come to? Its totals, which add up to the rows that were read, and its progress on the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Report:
    """What a run came to. Each row that was read is in one of the first ten totals."""

    job: str
    applied: int = 0
    """Done by this run."""
    replayed: int = 0
    """The server had done them before: a former try of this run, or another one."""
    failed: int = 0
    """Refused by the server; nothing of them took effect."""
    invalid: int = 0
    """Cannot be sent: a cell is missing or cannot be read."""
    duplicates: int = 0
    """The same as a former row of the source."""
    known: int = 0
    """Done by a former run."""
    changed: int = 0
    """Sent before with other contents; not sent again."""
    unknown: int = 0
    """Sent, without an answer; they may have taken effect. Resolve them, or run again within 23 hours."""
    elsewhere: int = 0
    """Of another shard."""
    unsent: int = 0
    """Read and not sent, because the run stopped."""
    rows: int = 0
    """Rows that were read."""
    forgotten: int = 0
    """Rows of former runs that are unknown, and not in the source any more."""
    calls: int = 0
    """Calls that were made."""
    limited: int = 0
    """How often the server asked to wait (429)."""
    lost: int = 0
    """How often an answer was lost, or the server failed (5xx)."""
    seconds: float = 0.0
    stopped: str | None = None
    """Why the run ended before its source, or None. Fix the cause and run the same job again."""
    key_refused: bool = False
    """Whether it stopped because the server refused the API key (401, 403)."""
    notes: list[str] = field(default_factory=list[str])
    """What else somebody should know."""

    @property
    def settled(self) -> int:
        """Rows of this run that have an answer."""
        return self.applied + self.replayed + self.failed

    @property
    def counted(self) -> int:
        """The sum of the totals."""
        left_out = self.invalid + self.duplicates + self.known + self.changed + self.elsewhere + self.unsent
        return self.settled + self.unknown + left_out

    @property
    def ok(self) -> bool:
        """Whether every row is done: nothing failed, invalid, changed, unknown or left."""
        wrong = self.failed + self.invalid + self.changed + self.unknown + self.forgotten + self.unsent
        return self.stopped is None and wrong == 0

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return asdict(self) | {"ok": self.ok}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    report: Report
    """The totals so far."""
    window: int
    """Chunks that may be under way."""
    under_way: int
    """Chunks that are."""
    rows_per_second: float
    """Settled rows, of late."""
    fraction: float | None
    """How much of the source is done with, 0 to 1; None where nobody knows."""
    seconds_left: float | None
    """When it will be over at this speed; None where nobody knows."""
    paused_for: float
    """Seconds for which the server asked to wait, or that are waited after a failure."""
