"""Which rows are to be sent, together, and which must not be? A source becomes chunks.

Left out, and counted: what cannot be sent, what was done already, what changed since, and what is unknown and no longer
protected by its key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from kraty_server.bulk.actions import Action
from kraty_server.bulk.errors import SourceError
from kraty_server.bulk.journal import UNKNOWN, Failure, JournalLike, Unsettled
from kraty_server.bulk.keys import KeyIndex
from kraty_server.bulk.mapping import Prepared, Refused, RowMapping
from kraty_server.bulk.memory import Memory, Standing
from kraty_server.bulk.report import Report
from kraty_server.bulk.source import Rows

log: Final = logging.getLogger("kraty_server")

SAFE: Final = 23 * 3600.0
"""Seconds after the first try for which a key of 24 hours is relied on; an hour is kept for clocks that differ."""
BLOCK: Final = 1000
"""Rows that are read at once."""
LOOK_AT: Final = 10_000
"""Rows that are read before something else gets a turn, as where all of them are known."""


@dataclass(slots=True)
class Chunk:
    """Rows that are handed out together."""

    number: int
    at: float
    first: float
    """When one of its rows was sent first, perhaps by a former run."""
    rows: list[Prepared]
    states: bytearray
    losses: int = 0
    """How often an answer was lost."""
    own_losses: int = 0
    """Those of them that are due to the chunk itself, since others were answered meanwhile."""
    answered_before: int = -1
    """Chunks that had been answered when it was lost the last time."""
    was_sent: bool = False
    failures: list[Failure] = field(default_factory=list[Failure])
    results: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    """By the number of a row, what was read."""
    last_error: tuple[str, str] = ("no_answer", "")
    suspects: list[int] = field(default_factory=list[int])
    """Rows whose answer was lost: they are tried after the others."""

    @property
    def left(self) -> list[int]:
        """The numbers of the rows that have no answer yet, in the order in which they are tried."""
        left = [index for index, state in enumerate(self.states) if state == UNKNOWN]
        if self.suspects:
            rank = {index: number for number, index in enumerate(self.suspects)}
            left.sort(key=lambda index: rank.get(index, -1))
        return left


class Planner:
    """Turns rows into chunks, and leaves out what must not be sent.

    Args:
        shard: which of how many parts of the rows is ours.
    """

    def __init__(
        self,
        action: Action,
        mapping: RowMapping,
        rows: Rows,
        journal: JournalLike,
        report: Report,
        *,
        api_key: str,
        now: Callable[[], float],
        shard: tuple[int, int] | None,
        chunk_size: int,
    ) -> None:
        self._action = action
        self.mapping: RowMapping = mapping
        self._rows = rows
        self._iterator = iter(rows.rows)
        self._report = report
        self._api_key = api_key
        self._now = now
        self._size = chunk_size
        self._number = journal.last_chunk
        self._memory = Memory(*(journal.load() if not journal.is_new else (KeyIndex(), {})), shard)
        self._admitted: list[Prepared] = []
        """Rows that were read and are to be sent."""
        self._sent_before: dict[bytes, float] = {}
        """When those of them were sent first that a former run left without an answer, by their records."""
        self._source_ended = False
        self.ended: bool = False
        """Whether there are no more rows."""
        self.broken: str | None = None
        """Why the source ended before its end, if it did."""
        self.failures: list[Failure] = []
        """Rows that are left out and need a look, until they are committed."""

    @property
    def forgotten(self) -> int:
        """Rows of former runs without an answer that have not come by."""
        return len(self._memory.unsettled)

    def next_chunk(self) -> Chunk | None:
        """Read until a chunk is full, or `LOOK_AT` rows have gone by; None where nothing of them is to be sent."""
        end = self._report.rows + LOOK_AT
        while len(self._admitted) < self._size and self._report.rows < end and not self._source_ended:
            self._read()
        rows = self._admitted[: self._size]
        del self._admitted[: self._size]
        self._report.rows += len(rows)
        self.ended = self._source_ended and not self._admitted
        if not rows:
            return None
        now = self._now()
        first = (
            min([now, *(self._sent_before.pop(record, now) for _, _, record, _ in rows)]) if self._sent_before else now
        )
        self._number += 1
        return Chunk(self._number, now, first, rows, bytearray((UNKNOWN,)) * len(rows))

    def _read(self) -> None:
        """Read the next rows of the source; where it breaks off, those before that."""
        block: list[Any] = []
        with self._breaking_off():
            block.extend(islice(self._iterator, BLOCK))
            self._source_ended = len(block) < BLOCK
        prepared: list[Prepared | Refused] = []
        if block:
            with self._breaking_off():
                prepared = self.mapping.prepare(block)
        before = len(self._admitted)
        self._admit(prepared)
        self._report.rows += len(prepared) - (len(self._admitted) - before)

    @contextmanager
    def _breaking_off(self) -> Generator[None]:
        """Take any error as the end of the source: a driver of a database raises it, or a function of the caller's."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, SourceError):
                log.warning("job %s: the source breaks off", self._report.job, exc_info=True)
            self.broken = str(error) if isinstance(error, SourceError) else f"{type(error).__name__}: {error}"
            self._source_ended = True

    def _admit(self, block: list[Prepared | Refused]) -> None:
        """Take the rows that are to be sent; leave out the others, and count them."""
        report, found, now = self._report, self._memory.sort(block), self._now()
        report.known += found.known
        report.elsewhere += found.elsewhere
        for _, standing, row, reason in found.left_out:
            if standing is Standing.DUPLICATE:
                report.duplicates += 1
            elif standing is Standing.CHANGED:
                report.changed += 1
                self._note(row, "changed", reason)
            else:
                report.invalid += 1
                self._note(row, "invalid", reason)
        for row, before in found.unsettled:
            if (why := self._unsafe(before, now)) is not None:
                report.unknown += 1
                self._note(row, "unknown", why)
            else:
                _, _, record, _ = row
                self._sent_before[record] = before.at
                self._admitted.append(row)
        self._admitted += found.new

    def _unsafe(self, before: Unsettled, now: float) -> str | None:
        """Why a row without an answer must not be sent again; None where it may be."""
        if self._action.protection != "day":
            return None
        if before.api_key != self._api_key:
            return "it was sent with another API key and has no answer: with this one it could be done twice"
        if not 0 <= now - before.at < SAFE:
            return (
                "it was sent more than 23 hours ago, or the clock was set back, and has no answer: the server may have "
                "forgotten its key"
            )
        return None

    def _note(self, row: Prepared | Refused, code: str, message: str) -> None:
        key = None if isinstance(row, Refused) else row[1]
        self.failures.append(Failure(key, code, message, self._rows.as_mapping(row[0])))
