"""`kraty ping`: does the key work, and whose is it?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from kraty_server.cli import terminal
from kraty_server.cli.connection import connect


def ping_arguments(parser: ArgumentParser) -> None:
    """Describe `ping`."""
    parser.set_defaults(run=_ping)


def _ping(given: Namespace) -> None:
    with connect() as kraty:
        answer = kraty.health.ping()
    if given.json:
        terminal.write_json(answer.to_dict())
        return
    names = ("environment", "game", "studio", "key", "may do")
    values = terminal.cells(answer.api_key, "environment", "game_id", "studio_id", "prefix", "permission_set")
    terminal.fields(list(zip(names, values, strict=True)))
