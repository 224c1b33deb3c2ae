"""In what do two records of a case differ? Requests, pauses, what came of the call, and what was told on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from codegen.parity.ours import HEADERS, Record

WHOLE: Final = 200
"""Characters up to which two values are shown whole; of longer ones, the place where they part."""
UUID4: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")


@dataclass(frozen=True)
class Difference:
    """One thing that the two do not do alike: where, what, and how each of them does it."""

    where: str
    what: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.what}: ours {self.ours}, theirs {self.theirs}"


def differences(where: str, ours: Record, theirs: Record) -> list[Difference]:
    """Each thing in which two records of a case differ, once.

    A recorded case knows three headers and no pauses, time limits and the like: what it does not know is not compared.
    """
    ours, theirs = _without_chance(ours), _without_chance(theirs)
    found = list(_requests(ours["requests"], theirs["requests"]))
    found += _outcome(ours["outcome"], theirs["outcome"])
    found += (
        ("telemetry", *parted(plain(mine), plain(other)))
        for mine, other in zip(ours["telemetry"], theirs["telemetry"], strict=False)
        if mine != other
    )
    if len(ours["requests"]) == len(theirs["requests"]) and len(ours["telemetry"]) != len(theirs["telemetry"]):
        found.append(("told attempts", str(len(ours["telemetry"])), str(len(theirs["telemetry"]))))
    if ours["generated_keys"] != theirs["generated_keys"]:
        found.append(("generated keys", str(ours["generated_keys"]), str(theirs["generated_keys"])))
    if "further" in theirs:
        found += _further(ours["further"], theirs["further"])
        if "returned" in ours["outcome"]:
            found += (("returned", "as JSON has it", place) for place in theirs["further"].get("strange", ()))
    return [Difference(where, *one) for one in dict.fromkeys(found)]


def _without_chance(record: Record) -> Record:
    """A record with a name for each random UUID: the first, the second."""
    names = dict[str, str]()
    written = UUID4.sub(lambda found: names.setdefault(found[0], f"<uuid4 {len(names) + 1}>"), json.dumps(record))
    known: Record = json.loads(written)
    return known


def _requests(ours: list[Record], theirs: list[Record]) -> Iterator[tuple[str, str, str]]:
    if len(ours) != len(theirs):
        common = min(len(ours), len(theirs))
        yield "attempts", _counted(ours, common), _counted(theirs, common)
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False), 1):
        for part in ("method", "target", "body"):
            if mine[part] != other[part]:
                yield f"request {number} {part}", *parted(mine[part], other[part])
        yield from _named("header", mine["headers"], other["headers"], HEADERS)


def _counted(requests: list[Record], common: int) -> str:
    """How many requests there were, and those that only one of the two has made."""
    more = [f"{request['method']} {request['target']}" for request in requests[common:]]
    return ": ".join([str(len(requests)), *more[:1]])


def _named(
    kind: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], names: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    for name in names or sorted({*ours, *theirs}):
        mine, other = ours.get(name), theirs.get(name)
        if mine != other:
            yield f"{kind} {name}", str(mine or "has it not"), str(other or "has it not")


def _outcome(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if ours == theirs:
        return
    if "returned" in ours and "returned" in theirs:
        yield "returned", *parted(plain(ours["returned"]), plain(theirs["returned"]))
    elif ours.get("error", {}).get("type") != theirs.get("error", {}).get("type"):
        yield "outcome", _summary(ours), _summary(theirs)
    else:
        for part, value in ours["error"].items():
            if value != theirs["error"].get(part):
                yield f"error {part}", *parted(plain(value), plain(theirs["error"].get(part)))


def _summary(outcome: Mapping[str, Any]) -> str:
    if "error" not in outcome:
        return "hangs" if "hangs" in outcome else f"returned {plain(outcome['returned'])[:WHOLE]}"
    error = outcome["error"]
    return " ".join(str(error[part]) for part in ("type", "status", "code") if part in error)


def _further(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for kind, part in (("header", "headers"), ("telemetry", "telemetry")):
        for mine, other in zip(ours[part], theirs[part], strict=False):
            yield from _named(kind, mine, other)
    for part in ("sleeps", "timeouts"):  # over a socket ours cannot be seen
        if part in ours and ours[part] != theirs[part]:
            yield part, plain(ours[part]), plain(theirs[part])
    if "error" in ours and "error" in theirs and ours["error"].keys() == theirs["error"].keys():
        for part, value in ours["error"].items():
            if value != theirs["error"][part]:
                yield f"error {part}", plain(value), plain(theirs["error"][part])


def parted(ours: str | None, theirs: str | None) -> tuple[str, str]:
    """Two texts: whole where they are short, else from shortly before the first byte in which they differ."""
    if ours is None or theirs is None or max(len(ours), len(theirs)) <= WHOLE:
        return "nothing" if ours is None else ours, "nothing" if theirs is None else theirs
    a, b = ours.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass")
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, at - 12)
    return f"at byte {at} of {len(a)} {a[start : at + 24]!r}", f"of {len(b)} {b[start : at + 24]!r}"


def plain(value: Any) -> str:
    """A value as JSON."""
    return json.dumps(cast(object, value), ensure_ascii=False, sort_keys=True)
