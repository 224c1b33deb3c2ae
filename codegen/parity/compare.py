"""Where do the two SDKs differ, and is that known and wanted?"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Self

from codegen.parity.ours import FLAVOURS, Case, Record, play

REVIEWED: Final = Path(__file__).with_name("differences.json")
RECORDER: Final = Path(__file__).with_name("record.mjs")


@dataclass(frozen=True)
class Difference:
    """One thing that the two do not do alike: where, what, and how each of them does it."""

    where: str
    what: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.what}: ours {self.ours}, theirs {self.theirs}"


@dataclass(frozen=True)
class Known:
    """A difference that is wanted. `where` and `what` may have wildcards; `scope` is `calls` or `surface`."""

    scope: str
    where: str
    what: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        return fnmatchcase(difference.where, self.where) and fnmatchcase(difference.what, self.what)


class Reviewed:
    """The file of known and wanted differences."""

    def __init__(self, known: Iterable[Known]) -> None:
        self.known = list(known)
        self.met: set[Known] = set()

    @classmethod
    def load(cls, path: Path = REVIEWED) -> Self:
        """Read the file.

        Raises:
            ValueError: an entry has no reason.
        """
        entries = [Known(**entry) for entry in json.loads(path.read_text("utf-8"))]
        for entry in entries:
            if len(entry.reason) < 10 or entry.scope not in ("calls", "surface"):
                raise ValueError(f"{path.name}: {entry} needs a reason, and the scope calls or surface")
        return cls(entries)

    def why(self, difference: Difference) -> str | None:
        """The reason of a difference; None if it is not wanted."""
        covering = [known for known in self.known if known.covers(difference)]
        self.met.update(covering)
        return covering[0].reason if covering else None

    def stale(self, *scopes: str) -> list[Known]:
        """Entries whose difference did not occur."""
        return [known for known in self.known if known.scope in scopes and known not in self.met]


def first_difference(ours: str | None, theirs: str | None) -> tuple[str, str]:
    """Two texts from the first byte in which they differ, with the place."""
    if ours is None or theirs is None:
        return repr(ours), repr(theirs)
    a, b = ours.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass")
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, at - 12)
    return f"at byte {at} {a[start : at + 24]!r}", f"{b[start : at + 24]!r}"


def differences(where: str, ours: Record, theirs: Record) -> Iterator[Difference]:
    """Each thing in which two records of a case differ; of the requests, the first that differs."""
    a, b = ours["requests"], theirs["requests"]
    if len(a) != len(b):
        yield Difference(where, "attempts", str(len(a)), str(len(b)))
    for number, (mine, other) in enumerate(zip(a, b, strict=False), 1):
        found = list(_request(where, f"request {number}", mine, other))
        yield from found
        if found:
            break
    for part, value in ours["outcome"].items():
        if part not in theirs["outcome"]:
            yield Difference(where, "outcome", shown(ours["outcome"]), shown(theirs["outcome"]))
        elif value != theirs["outcome"][part]:
            yield Difference(where, part, *first_difference(plain(value), plain(theirs["outcome"][part])))
    for what in ("telemetry", "generated_keys"):
        if ours[what] != theirs[what]:
            yield Difference(where, what, *first_difference(plain(ours[what]), plain(theirs[what])))


def _request(where: str, which: str, mine: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    for part in ("method", "target", "body"):
        if mine[part] != other[part]:
            yield Difference(where, f"{which} {part}", *first_difference(mine[part], other[part]))
    for name in sorted({*mine["headers"], *other["headers"]}):
        values = mine["headers"].get(name), other["headers"].get(name)
        if values[0] != values[1]:
            yield Difference(where, f"{which} header {name}", *first_difference(*values))


def plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def shown(value: Any) -> str:
    return plain(value)[:120]


# The report


@dataclass(frozen=True)
class Result:
    """What became of one case in one flavour, or of one thing of the surface."""

    where: str
    difference: Difference | None
    reason: str | None = None


def judged(where: str, found: Iterable[Difference], reviewed: Reviewed) -> list[Result]:
    """The results of a place."""
    return [Result(where, one, reviewed.why(one)) for one in found] or [Result(where, None)]


def calls(cases: Iterable[Case], theirs: Mapping[str, Record], reviewed: Reviewed) -> list[Result]:
    """Make the call of each case in both flavours, and hold it against the record of the other side."""
    results: list[Result] = []
    for case in cases:
        for flavour in FLAVOURS:
            found = differences(case["id"], play(case, flavour), theirs[case["id"]])
            results += judged(f"{case['id']} {flavour}", found, reviewed)
    return results


def recorded(node: Path, cases: Sequence[Case]) -> dict[str, Record]:
    """What a Node SDK does in the same cases.

    Raises:
        ValueError: Node or the package cannot be run; the message has its words.
    """
    done = subprocess.run(
        ["node", str(RECORDER), str(node)],
        input=json.dumps(list(cases)),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise ValueError(f"the recorder failed: {done.stderr.strip()}")
    records: list[Record] = json.loads(done.stdout)
    return {record["id"]: record for record in records}


def table(results: list[Result], stale: list[Known]) -> str:
    """For people: what differs, known or not, and a line that counts the rest."""
    lines: list[str] = []
    for result in results:
        if result.difference is not None:
            mark = "known " if result.reason else "DIFFER"
            lines.append(f"{mark}  {result.where:<34} {result.difference}")
    lines += [f"STALE   {known.where} {known.what}: listed, but does not occur: {known.reason}" for known in stale]
    same = sum(result.difference is None for result in results)
    bad = sum(result.difference is not None and result.reason is None for result in results)
    lines.append(f"{same} the same, {len(results) - same - bad} known and wanted differences, {bad} others, "
                 f"{len(stale)} stale entries")  # fmt: skip
    return "\n".join(lines)


def wrong(results: list[Result], stale: list[Known]) -> bool:
    """Whether anything is not as reviewed."""
    return bool(stale) or any(result.difference is not None and result.reason is None for result in results)
