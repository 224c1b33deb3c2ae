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
        if repeated or self.unsettled:
            self._look_at(rows, repeated, found)
        else:
            found.new = list(rows.values())
        found.left_out.sort(key=lambda one: one.number)
        return found

    def _ours(self, block: Sequence[Prepared | Refused], found: Sorted) -> dict[int, Prepared]:
        """The rows that can be sent, and are of this shard, by their numbers."""
        rows: dict[int, Prepared] = {}
        for number, row in enumerate(block):
            if isinstance(row, Refused):
                found.left_out.append(LeftOut(number, Standing.INVALID, row, row.reason))
            elif self._shard is not None and shard_of(row[2], self._shard[1]) != self._shard[0]:
                found.elsewhere += 1
            else:
                rows[number] = row
        return rows

    def _done(self, rows: dict[int, Prepared], found: Sorted) -> dict[int, Prepared]:
        """Those that no former run has done."""
        done = self._settled.bodies(_joined(rows)) if self._settled else {}
        if not done:
            return rows
        left: dict[int, Prepared] = {}
        for index, (number, row) in enumerate(rows.items()):
            if (body := done.get(index)) is None:
                left[number] = row
            elif row[2].startswith(body, KEY_SIZE):
                found.known += 1
            else:
                reason = "it was done by a former run with other contents"
                found.left_out.append(LeftOut(number, Standing.CHANGED, row, reason))
        return left

    def _look_at(self, rows: dict[int, Prepared], repeated: dict[int, bytes], found: Sorted) -> None:
        for index, (number, row) in enumerate(rows.items()):
            _, _, record, _ = row
            key, body = record[:KEY_SIZE], record[KEY_SIZE:]
            if (first := repeated.get(index)) is not None:
                is_same = body.startswith(first)
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


def _joined(rows: dict[int, Prepared]) -> bytes:
    return b"".join([record for _, _, record, _ in rows.values()])
