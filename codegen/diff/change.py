"""What is a change, how bad is it, and which version does it ask for? Levels, changes and semantic versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is. The worst of them is the command's exit code, where documentation counts as no change."""

    DOCUMENTATION = 0
    ADDITIVE = 1
    BREAKING = 2
    UNJUDGED = 3
    """Nobody here knows: a person has to look."""


@dataclass(frozen=True)
class Change:
    """One change, wherever it shows."""

    level: Level
    kind: str
    text: str
    places: tuple[str, ...]
    methods: tuple[str, ...]
    """The calls of the SDK that it touches."""
    names: tuple[str, ...]
    """The generated functions and models that it touches."""


def verdict(changes: Iterable[Change]) -> Level | None:
    """The worst of them; None where there are none."""
    return max((change.level for change in changes), default=None)


def next_version(version: str, worst: Level | None) -> str:
    """The version that a change demands. Before 1.0 each part stands one place lower."""
    if worst is None:
        return version
    parts = [int(part) for part in version.split(".")]
    place = {Level.UNJUDGED: 0, Level.BREAKING: 0, Level.ADDITIVE: 1, Level.DOCUMENTATION: 2}[worst]
    place = min(2, place + (parts[0] == 0))
    return ".".join(map(str, [*parts[:place], parts[place] + 1, *[0] * (2 - place)]))
