"""The command `kraty`, run in this process, in one of its own, and in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from kraty_server.cli.commands import CommandParser, make_parser


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its data, all of it."""
        return json.loads(self.out)


Run: TypeAlias = Callable[..., Ended]


def commands(parser: CommandParser | None = None) -> set[str]:
    """Every command that can be run, as in `player show`."""
    parser = parser or make_parser()
    parser.describe()
    if not parser.commands:
        return {parser.prog.removeprefix("kraty ")}
    return {name for below in parser.commands.values() for name in commands(below)}
