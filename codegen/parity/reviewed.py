"""Which differences are known and wanted? A file that names exactly what differs, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from codegen.parity.compare import Difference

FILE: Final = Path(__file__).with_name("differences.json")
SCOPES: Final = ("recorded", "node", "surface")
EVERYWHERE: Final = "*"


@dataclass(frozen=True)
class Known:
    """A difference that is wanted: in one place, or everywhere; what the two do is named to the letter.

    `scope` is where it occurs: with the recordings already, with a Node SDK only, or in what the two offer.
    """

    scope: str
    where: str
    what: str
    ours: str
    theirs: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        """Whether it is this difference."""
        alike = (self.what, self.ours, self.theirs) == (difference.what, difference.ours, difference.theirs)
        return alike and self.where in (EVERYWHERE, difference.where)


class Reviewed:
    """All known and wanted differences, and which of them were met."""

    def __init__(self, known: Iterable[Known]) -> None:
        self.known = list(known)
        self.met: set[Known] = set()

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read the file: each entry has a reason, its places, and what differs there as `[what, ours, theirs]`.

        Raises:
            ValueError: an entry has no reason, or a scope that does not exist.
        """
        known: list[Known] = []
        entries: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        for entry in entries:
            if len(entry["reason"]) < 10 or entry["scope"] not in SCOPES:
                raise ValueError(f"{path.name}: {entry} needs a reason, and one of the scopes {', '.join(SCOPES)}")
            known += (
                Known(entry["scope"], where, what, ours, theirs, entry["reason"])
                for where in entry["where"]
                for what, ours, theirs in entry["differs"]
            )
        return cls(known)

    def why(self, difference: Difference) -> Known | None:
        """The entry of a difference; None if it is not wanted."""
        found = next((known for known in self.known if known.covers(difference)), None)
        if found is not None:
            self.met.add(found)
        return found

    def stale(self, *scopes: str) -> list[Known]:
        """Entries whose difference did not occur."""
        return [known for known in self.known if known.scope in scopes and known not in self.met]
