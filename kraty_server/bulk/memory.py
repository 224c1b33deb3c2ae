"""Was this row sent before? Sorts rows into new ones, those to look at, and those that need nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from kraty_server.bulk.journal import Unsettled
from kraty_server.bulk.keys import KEY_SIZE, KeyIndex, shard_of
from kraty_server.bulk.mapping import Prepared, Refused


class Standing(Enum):
    """Why a row is not to be sent."""

    INVALID = auto()
    CHANGED = auto()
    DUPLICATE = auto()


class LeftOut(NamedTuple):
    """A row that is not to be sent."""

    number: int
    """Of the row, within those that were given, from 0."""
    standing: Standing
    row: Prepared | Refused
    reason: str


@dataclass(slots=True)
class Sorted:
    """What became of some rows of the source."""

    new: list[Prepared] = field(default_factory=list[Prepared])
    unsettled: list[tuple[Prepared, Unsettled]] = field(default_factory=list[tuple[Prepared, Unsettled]])
    """Sent by a former run, with the same contents, and without an answer."""
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])
    """In their order."""
    known: int = 0
    """Done by a former run."""
    elsewhere: int = 0
    """Of another shard."""

    def count(self, standing: Standing) -> int:
        """How many are left out for this."""
        return sum(one.standing is standing for one in self.left_out)


class Memory:
    """What is known of rows: what former runs left, and which keys the source has had.

    Args:
        settled: rows that are done.
        unsettled: rows without an answer, by the digest of their key. Those that come by are taken out.
        shard: which of how many parts of the rows is ours.
    """

    def __init__(
        self, settled: KeyIndex, unsettled: dict[bytes, Unsettled], shard: tuple[int, int] | None = None
    ) -> None:
        self._settled = settled
        self._seen = KeyIndex()
        self.unsettled = unsettled
        self._shard = shard

    def sort(self, block: Sequence[Prepared | Refused]) -> Sorted:
        """Sort rows that come one after the other in the source."""
        found = Sorted()
        rows = self._done(self._ours(block, found), found)
        repeated = self._seen.bodies_or_add(_joined(rows))
        if not (repeated or self.unsettled):
            found.new = [row for _, row in rows]
        else:
            self._look_at(rows, repeated, found)
        found.left_out.sort(key=lambda one: one.number)
        return found

    def _ours(self, block: Sequence[Prepared | Refused], found: Sorted) -> list[tuple[int, Prepared]]:
        """The rows that can be sent, and are of this shard."""
        rows: list[tuple[int, Prepared]] = []
        for number, row in enumerate(block):
            if isinstance(row, Refused):
                found.left_out.append(LeftOut(number, Standing.INVALID, row, row.reason))
            else:
                rows.append((number, row))
        if self._shard is not None:
            index, count = self._shard
            ours = [one for one in rows if shard_of(one[1].record, count) == index]
            found.elsewhere = len(rows) - len(ours)
            rows = ours
        return rows

    def _done(self, rows: list[tuple[int, Prepared]], found: Sorted) -> list[tuple[int, Prepared]]:
        """Those that no former run has done."""
        done = self._settled.bodies(_joined(rows)) if self._settled else {}
        if not done:
            return rows
        for index, body in done.items():
            number, row = rows[index]
            if body == row.record[KEY_SIZE:]:
                found.known += 1
            else:
                reason = "it was done by a former run with other contents"
                found.left_out.append(LeftOut(number, Standing.CHANGED, row, reason))
        return [one for index, one in enumerate(rows) if index not in done]

    def _look_at(self, rows: list[tuple[int, Prepared]], repeated: dict[int, bytes], found: Sorted) -> None:
        for index, (number, row) in enumerate(rows):
            key, body = row.record[:KEY_SIZE], row.record[KEY_SIZE:]
            if (first := repeated.get(index)) is not None:
                is_same = first == body
                standing = Standing.DUPLICATE if is_same else Standing.CHANGED
                contents = "contents" if is_same else "other contents"
                reason = f"a former row of this source has the same key and {contents}"
                found.left_out.append(LeftOut(number, standing, row, reason))
            elif (before := self.unsettled.pop(key, None)) is None:
                found.new.append(row)
            elif before.body != body:
                reason = "it was sent by a former run with other contents, and has no answer"
                found.left_out.append(LeftOut(number, Standing.CHANGED, row, reason))
            else:
                found.unsettled.append((row, before))


def _joined(rows: list[tuple[int, Prepared]]) -> bytes:
    return b"".join([row.record for _, row in rows])
